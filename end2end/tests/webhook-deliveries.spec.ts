// The list of a webhook's deliveries and the page of one, with and without scripts: filters in the address, pages, timeline.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { admin, call, expect, hydrated, makeCompany, makeKey, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import { publish, signature, startReceiver, type Receiver } from '../fixtures/receiver.ts';

const run = promisify(execFile);

let receiver: Receiver;

test.beforeEach(async () => {
  receiver = await startReceiver();
});

test.afterEach(async () => {
  await receiver.close();
});

const withScripts = () => test.info().project.use.javaScriptEnabled !== false;
const rows = (page: Page) => page.locator('.row-link');

interface Scene {
  company: Company;
  secret: string;
  /** The path of the list. */
  list: string;
}

/** A company with a webhook for all events, and its Owner signed in. */
async function scene(page: Page): Promise<Scene> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const created = await call(company, secret, '/v1/webhooks/', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Orders', webhook_url: receiver.url, env_type: 'sandbox' }),
  });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  await startSession(page, company);
  return { company, secret, list: company.path(`webhooks/${id}/deliveries`) };
}

async function publishMany(company: Company, many: number, eventType?: string): Promise<void> {
  let sent = 0;
  const one = async () => {
    while (sent < many) {
      sent += 1;
      await publish(company, eventType);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

/** Opens the address until the list has this many rows. */
async function openWith(page: Page, address: string, many: number): Promise<void> {
  await expect(async () => {
    await page.goto(address);
    await expect(rows(page)).toHaveCount(many, { timeout: 500 });
  }).toPass();
  await hydrated(page);
}

test('states are links and the other filters a form, and each has a chip that takes it off', async ({ page }) => {
  const { company, list } = await scene(page);
  await publish(company, 'order-created');
  await publish(company, 'link-deleted');
  await expect.poll(() => receiver.received.length).toBe(2);
  receiver.answerWith(503);
  await publish(company, 'order-created');
  await expect.poll(() => receiver.received.length).toBe(3);
  await openWith(page, `${list}?state=failing`, 1);
  await expect(page.getByRole('row').filter({ hasText: 'Retrying' })).toContainText(/attempt 1 of 10, next (in|at) /);
  const chips = page.getByRole('list', { name: 'Active filters' });
  await expect(chips).toContainText('State: Retrying');
  await page.getByRole('list', { name: 'States' }).getByRole('link', { name: 'Delivered' }).click();
  await expect(page).toHaveURL(/\?state=failing&state=delivered$/);
  await expect(rows(page)).toHaveCount(3);

  await page.getByLabel('Event', { exact: true }).selectOption('link-deleted');
  if (!withScripts()) {
    await page.getByRole('button', { name: 'Apply' }).first().click();
  }
  await expect(page).toHaveURL(/event=link-deleted/);
  await expect(rows(page)).toHaveCount(1);
  await hydrated(page);
  await expect(chips).toContainText('Event: link-deleted');
  await chips.getByRole('link', { name: /Event: link-deleted/ }).click();
  await expect(rows(page)).toHaveCount(3);
  await hydrated(page);

  await page.getByLabel('Response', { exact: true }).fill('5xx');
  await page.getByLabel('Response', { exact: true }).press('Enter');
  await expect(page).toHaveURL(/status=5xx/);
  await expect(rows(page)).toHaveCount(1);
  await page.reload();
  await expect(page.getByLabel('Response', { exact: true })).toHaveValue('5xx');
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole('link', { name: 'Clear', exact: true }).click();
  await expect(rows(page)).toHaveCount(3);
});

test('a filter that finds nothing says what to loosen', async ({ page }) => {
  const { company, list } = await scene(page);
  await page.goto(list);
  await expect(page.getByText('Nothing sent yet')).toBeVisible();
  await publish(company, 'order-created');
  await openWith(page, `${list}?state=delivered`, 1);
  await page.goto(`${list}?state=delivered&event=link-deleted&range=7d`);
  await expect(page.getByRole('heading', { name: 'No deliveries match' })).toBeVisible();
  await page.getByRole('listitem').filter({ hasText: 'Without Event: link-deleted' }).getByRole('link').click();
  await expect(rows(page)).toHaveCount(1);
  await page.goto(`${list}?status=999&state=lost`);
  await expect(page.getByText('Part of this URL was ignored')).toBeVisible();
});

test('older deliveries are reached, and a delivery leads on in the list it was opened from', async ({ page }) => {
  test.slow();
  const { company, list } = await scene(page);
  await publishMany(company, 52);
  await publishMany(company, 3, 'link-deleted');
  await expect.poll(() => receiver.received.length).toBe(55);
  await openWith(page, list, 50);
  await page.getByRole('link', { name: 'Show older deliveries' }).click();
  await expect(rows(page)).toHaveCount(withScripts() ? 55 : 5);
  if (!withScripts()) {
    await page.getByRole('link', { name: 'Newer' }).click();
    await expect(rows(page)).toHaveCount(50);
  }
  await openWith(page, `${list}?event=link-deleted&state=delivered`, 3);
  await rows(page).first().click();
  await expect(page).toHaveURL(/\?state=delivered&event=link-deleted$/);
  await expect(page.getByRole('link', { name: 'Previous delivery' })).toHaveCount(0);
  for (let step = 0; step < 2; step += 1) {
    const before = page.url();
    await page.getByRole('link', { name: 'Next delivery' }).click();
    await expect(page).not.toHaveURL(before);
    await expect(page.getByRole('heading', { level: 1, name: 'link-deleted' })).toBeVisible();
  }
  await expect(page.getByRole('link', { name: 'Next delivery' })).toHaveCount(0);
  await page.getByRole('link', { name: 'Deliveries of Orders' }).click();
  await expect(page.getByRole('list', { name: 'Active filters' })).toContainText('Event: link-deleted');
  await expect(rows(page)).toHaveCount(3);
});

test('a delivery shows each step of its attempt, and its curl command verifies', async ({ page }) => {
  const { company, secret, list } = await scene(page);
  await publish(company);
  await openWith(page, `${list}?state=delivered`, 1);
  await rows(page).first().click();
  const steps = page.getByRole('table', { name: 'Where the time went' });
  for (const step of ['Accepted', 'Queued', 'Connect', 'First byte', 'Response body', 'Done']) {
    await expect(steps.getByRole('rowheader', { name: step })).toBeVisible();
  }
  await hydrated(page);
  await page.locator('fieldset').getByText('curl', { exact: true }).click();
  const command = await page.locator('pre').filter({ hasText: 'curl -X POST' }).innerText();
  // Not synchronous: the receiver runs in this process.
  await run('sh', ['-c', `${command} --silent --max-time 10`]);
  await expect.poll(() => receiver.received.length).toBe(2);
  const [sent, copied] = receiver.received;
  expect(copied!.body).toBe(sent!.body);
  expect(copied!.headers['x-webhook-sign']).toBe(signature(secret, copied!.body));
  expect(copied!.headers['webhook-signature']).toBe(sent!.headers['webhook-signature']);
});

test('a delivery on hold says so everywhere and cannot be tried', async ({ page }) => {
  const { company, list } = await scene(page);
  receiver.answerWith(503);
  await publish(company);
  await openWith(page, `${list}?state=failing`, 1);
  admin(['deliveries', 'hold', '--client-id', company.clientId, '--yes']);
  await page.goto(list.replace(/\/deliveries$/, ''));
  await expect(page.getByText('1 delivery is on hold.')).toBeVisible();
  await page.getByRole('link', { name: 'Show what is on hold' }).click();
  await expect(page).toHaveURL(/\?state=on_hold$/);
  await expect(rows(page)).toHaveCount(1);
  await rows(page).first().click();
  const button = page.getByRole('button', { name: 'Try now' });
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await expect(button).toHaveAccessibleDescription(/has put this delivery on hold\. It is sent once they resume it\./);
  await page.goto(company.path('webhooks'));
  await expect(page.getByRole('row', { name: /Orders/ })).toContainText('1 on hold');
});
