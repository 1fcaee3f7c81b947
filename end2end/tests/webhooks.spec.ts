// The Webhooks tab with and without scripts: creating, testing, pausing, changing and deleting a webhook.
import type { Page } from '@playwright/test';
import { admin, call, expect, expectAccessible, hydrated, makeCompany, makeKey, makeMember, signIn, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import { publish, signature, startReceiver, type Receiver } from '../fixtures/receiver.ts';

let receiver: Receiver;

test.beforeEach(async () => {
  receiver = await startReceiver();
});

test.afterEach(async () => {
  await receiver.close();
});

const withScripts = () => test.info().project.use.javaScriptEnabled !== false;

/** A company with a Sandbox key, and its Owner on the Webhooks tab. */
async function atTheList(page: Page): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path('webhooks'));
  await hydrated(page);
  return { company, secret };
}

async function addWebhook(page: Page, name: string, url: string): Promise<void> {
  await page.getByRole('link', { name: /^Add (webhook|your first webhook)$/ }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Add webhook' })).toBeVisible();
  await hydrated(page);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('URL').fill(url);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  await hydrated(page);
}

/** Sends a test event and ends on the page of its delivery. */
async function sendTest(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send test event' }).click();
  if (withScripts()) {
    await page.getByRole('link', { name: 'Request and response' }).click();
  }
  await page.waitForURL(/\/deliveries\/[0-9a-f]{32}/);
  await hydrated(page);
}

test('the empty list leads to the form, and the form to the test event', async ({ page }) => {
  await atTheList(page);
  await expect(page.getByText('A webhook is one of your URLs.')).toBeVisible();
  await addWebhook(page, 'Orders', receiver.url);
  await expect(page.getByText('Send a test event to check your endpoint.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Send test event' })).toBeInViewport();
  await expect(page.getByText('All events, including future ones')).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Webhooks', exact: true }).click();
  await expect(page.getByRole('row', { name: /Orders.*Sandbox.*Nothing sent yet/ })).toBeVisible();
});

test('a refused form keeps its values and names every fault', async ({ page }) => {
  await atTheList(page);
  await page.getByRole('link', { name: 'Add your first webhook' }).click();
  await hydrated(page);
  await page.getByLabel('URL').fill('http://10.0.0.1/in');
  await page.getByRole('radio', { name: /Development/ }).check();
  await page.getByRole('radio', { name: /Selected events/ }).check();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByText('Enter a name.')).toBeVisible();
  await expect(page.getByText('Select at least one event, or choose all events.')).toBeVisible();
  await expect(page.getByLabel('URL')).toHaveValue('http://10.0.0.1/in');
  await expect(page.getByRole('radio', { name: /Development/ })).toBeChecked();
  await page.getByLabel('Name').fill('Orders');
  await page.getByRole('checkbox', { name: /^order-created/ }).check();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByText(/^This address is not allowed/)).toBeVisible();
  await expect(page.getByLabel('Name')).toHaveValue('Orders');
  await expect(page.getByRole('checkbox', { name: /^order-created/ })).toBeChecked();
  await expect(page.getByRole('checkbox', { name: /^order-finalized/ })).not.toBeChecked();
});

test('a test event is signed with the key the page names, and its page shows request and response', async ({ page }) => {
  const { secret } = await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  await expect(page.getByText(`Signed with the Sandbox key ending ${secret.slice(-4)}`)).toBeVisible();
  await sendTest(page);
  expect(receiver.received).toHaveLength(1);
  const [got] = receiver.received;
  expect(got!.headers['x-webhook-sign']).toBe(signature(secret, got!.body));
  expect(JSON.parse(got!.body)).toMatchObject({ event_type: 'order-created' });
  const attempt = page.getByRole('listitem').filter({ hasText: 'Attempt 1' });
  await expect(attempt.getByText('200 OK')).toBeVisible();
  await expect(attempt.getByText('thank you')).toBeVisible();
  await expect(attempt.getByText(got!.headers['x-webhook-sign'] as string)).toBeVisible();
  await expect(page.getByText('Test', { exact: true })).toBeVisible();
  const id = (JSON.parse(got!.body) as { webhook_id: string }).webhook_id;
  await expect(page.getByRole('main').getByText(id, { exact: true })).toBeVisible();
});

test('a failure is explained in words, and the receiver’s response is shown as text', async ({ page }) => {
  const { company } = await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  receiver.answerWith(503);
  expect((await publish(company)).deliveries).toBe(1);
  await expect.poll(() => receiver.received.length).toBe(1);
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('The last attempt failed: 1 × status 503.')).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await hydrated(page);
  await expect(page.getByText(/attempt 1 of 10, next (in|at) /)).toBeVisible();
  await page.getByRole('row').getByRole('link', { name: 'order-created' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'order-created' })).toBeVisible();
  await expect(page.getByText('<b>not now</b>')).toBeVisible();
  await expect(page.getByText('Any 2xx counts as received.')).toBeVisible();
});

test('a delivery is replayed with the same webhook_id', async ({ page }) => {
  const { company } = await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  await publish(company);
  await expect.poll(() => receiver.received.length).toBe(1);
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('row').filter({ hasText: 'Delivered' })).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await hydrated(page);
  await page.getByRole('row').getByRole('link', { name: 'order-created' }).click();
  await hydrated(page);
  await page.getByRole('button', { name: 'Replay' }).click();
  await expect.poll(() => receiver.received.length).toBe(2);
  expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
  await expect(async () => {
    if (!withScripts()) {
      await page.reload();
    }
    await expect(page.getByText('Replay 1', { exact: true })).toBeVisible({ timeout: 1_000 });
  }).toPass();
});

test('a webhook is paused, enabled, changed and deleted', async ({ page }) => {
  test.slow();
  const { company } = await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('New deliveries wait too')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Send test event' })).toHaveAttribute('aria-disabled', 'true');
  await hydrated(page);
  await page.getByRole('button', { name: 'Enable' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await hydrated(page);
  await page.getByRole('link', { name: 'Edit' }).click();
  await expect(page.getByLabel('Name')).toHaveValue('Orders');
  await hydrated(page);
  await page.getByLabel('Name').fill('All orders');
  await page.getByRole('radio', { name: /Selected events/ }).check();
  await page.getByRole('checkbox', { name: /^order-finalized/ }).check();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'All orders' })).toBeVisible();
  await expect(page.locator('.chips').getByText('order-finalized')).toBeVisible();
  await hydrated(page);
  await page.getByRole('link', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete webhook' }).click();
  await expect(page.getByText('No webhook yet')).toBeVisible();
  expect((await publish(company, 'order-finalized')).deliveries).toBe(0);
});

test('deliveries in an environment without a key are held, and say so until there is one', async ({ page }) => {
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('webhooks'));
  await hydrated(page);
  await addWebhook(page, 'Orders', receiver.url);
  await publish(company);
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('Held: no API key')).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await expect(page.getByText('Sandbox has no active key.')).toBeVisible();
  await expect(page.getByText('waiting for an API key')).toBeVisible();
  expect(receiver.received).toHaveLength(0);
  const { secret } = makeKey(company, 'sandbox');
  await expect.poll(() => receiver.received.length).toBe(1);
  const [got] = receiver.received;
  expect(got!.headers['x-webhook-sign']).toBe(signature(secret, got!.body));
});

test('a Viewer sees a webhook and is told why nothing can be changed', async ({ page, expectedFaults }) => {
  expectedFaults.push('403');
  const { company, secret } = await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  const own = new URL(page.url()).pathname;
  const viewer = makeMember(company, 'viewer');
  await page.context().clearCookies();
  await startSession(page, viewer);
  await page.goto(own);
  await hydrated(page);
  await expect(page.getByRole('main').getByText(receiver.url).first()).toBeVisible();
  for (const name of ['Pause', 'Edit', 'Delete', 'Send test event']) {
    const button = page.getByRole('button', { name });
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await expect(button).toHaveAccessibleDescription(/^Viewers cannot change webhooks\. Ask an Owner/);
  }
  await expect(page.getByText('Viewers cannot change webhooks. Ask an Owner')).toHaveCount(1);
  await page.goto(`${own}/edit`);
  await expect(page.getByRole('heading', { name: 'Not allowed' })).toBeVisible();
  await page.goto(company.path('webhooks'));
  await expect(page.getByRole('button', { name: 'Add webhook' })).toHaveAttribute('aria-disabled', 'true');
  expect((await call(company, secret, '/v1/webhooks/')).status).toBe(200);
});

test('a webhook of another company is not found', async ({ page }) => {
  await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  const id = new URL(page.url()).pathname.split('/').pop();
  const other = makeCompany();
  await page.context().clearCookies();
  await signIn(page, other);
  const answer = await page.request.get(other.path(`webhooks/${id}`));
  expect(answer.status()).toBe(404);
});

test('a header of its own is sent and never shown again, and a rate limit is set and removed', async ({ page, expectedFaults }) => {
  test.slow();
  expectedFaults.push('400');
  await atTheList(page);
  await addWebhook(page, 'Orders', receiver.url);
  const options = page.locator('section', { has: page.getByRole('heading', { name: 'Headers and rate limit' }) });
  const change = async (fields: Record<string, string>, button: string) => {
    await options.getByText('Change', { exact: true }).click();
    for (const [label, value] of Object.entries(fields)) {
      await options.getByLabel(label, { exact: true }).fill(value);
    }
    await options.getByRole('button', { name: button }).click();
  };
  await change({ Header: 'X-Tenant', Value: 'tenant-7f3a9c2e' }, 'Set header');
  await expect(page.getByText('The change applies from the next attempt.')).toBeVisible();
  await hydrated(page);
  await expect(options.getByText('X-Tenant', { exact: true })).toBeVisible();
  if (withScripts()) {
    await expectAccessible(page);
  }
  await change({ 'Attempts a second': '20' }, 'Set limit');
  await expect(options.getByText('At most 20 attempts a second')).toBeVisible();
  await hydrated(page);
  await sendTest(page);
  expect(receiver.received[0]!.headers['x-tenant']).toBe('tenant-7f3a9c2e');
  await expect(page.getByText('x-tenant: [redacted]')).toBeVisible();
  expect(await page.content()).not.toContain('tenant-7f3a9c2e');
  await page.goto(page.url().replace(/\/deliveries\/.*/, ''));
  await hydrated(page);
  await change({ 'Attempts a second': '' }, 'Set limit');
  await expect(options.getByText('At most')).toHaveCount(0);
  await hydrated(page);
  await options.getByRole('button', { name: 'Remove X-Tenant' }).click();
  await expect(options.getByText('X-Tenant', { exact: true })).toHaveCount(0);
  await hydrated(page);
  await change({ Header: 'Host', Value: 'elsewhere.example' }, 'Set header');
  await expect(page.getByText('Gatehouse sets this header, or HTTP needs it.')).toBeVisible();
  await page.getByRole('link', { name: 'Back to the webhook' }).click();
  await expect(options.getByText('None')).toHaveCount(2);
});

test('a type of the operator’s own can be chosen, and a webhook that has it keeps it when it is removed', async ({ page }) => {
  const name = withScripts() ? 'own.with-scripts' : 'own.without-scripts';
  const { company } = await atTheList(page);
  admin(['event-types', 'set', name, '--group', 'Our own', '--description', 'Something of ours happened.']);
  const form = company.path('webhooks/new');
  const choice = page.getByRole('checkbox', { name: new RegExp(`^${name}`) });
  const openForm = async () => {
    await page.goto(form);
    await hydrated(page);
    await page.getByRole('radio', { name: /Selected events/ }).check();
  };
  // The server follows what the command changed within a second.
  await expect(async () => {
    await openForm();
    await expect(choice).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByLabel('Name').fill('Orders');
  await page.getByLabel('URL').fill(receiver.url);
  await choice.check();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: name })).toBeVisible();
  const webhook = page.url();
  await page.goto('/docs/webhook-events');
  await expect(page.getByText('Something of ours happened.')).toBeVisible();

  admin(['event-types', 'remove', name]);
  await expect(async () => {
    await openForm();
    await expect(choice).toHaveCount(0, { timeout: 500 });
  }).toPass();
  await page.goto(webhook);
  await expect(page.getByRole('listitem').filter({ hasText: name })).toContainText('removed, no longer sent');
});
