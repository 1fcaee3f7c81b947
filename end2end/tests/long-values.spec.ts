// Text that people enter may be long, a single unbroken word, or in a script with wide letters. It must not make any
// page wider than its window, at any width, before or after hydration.
import type { Page } from '@playwright/test';
import { admin, call, expect, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, makeMember, signIn, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import { publish, startReceiver, type Receiver } from '../fixtures/receiver.ts';

const WIDTHS = [1440, 1100, 820, 390];
const NAMES = {
  'one word': 'W'.repeat(128),
  words: 'Orders of the northern warehouse and of all its partners '.repeat(3).slice(0, 127) + 'x',
  'a wide script': '注文'.repeat(64),
  'right to left': 'ﷺ'.repeat(128),
};

let receiver: Receiver;

test.beforeEach(async () => {
  receiver = await startReceiver();
});

test.afterEach(async () => {
  await receiver.close();
});

const withScripts = () => test.info().project.use.javaScriptEnabled !== false;

async function fitsEveryWidth(page: Page, address: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(address);
    await hydrated(page);
    await test.step(`${address} at ${width}`, () => expectNoSidewaysScroll(page));
  }
}

async function createWebhook(company: Company, secret: string, name: string, url: string): Promise<string> {
  const created = await fetch(`${process.env.GATEHOUSE_GATEWAY}/v1/webhooks/`, {
    method: 'POST',
    headers: { 'X-Access-Client-Id': company.clientId, 'X-Access-Secret': secret, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, webhook_url: url, env_type: 'sandbox' }),
  });
  expect(created.status).toBe(201);
  return ((await created.json()) as { id: string }).id;
}

for (const [kind, name] of Object.entries(NAMES)) {
  test(`a webhook's and a company's name of 128 characters fit every page at every width: ${kind}`, async ({ page }) => {
    test.slow();
    const company = makeCompany('owner', name.slice(0, 100));
    const { key_id: key, secret } = makeKey(company, 'sandbox');
    admin(['change-key', '--key-id', key, '--name', name.slice(0, 60), '--note', name, '--delete-at', '2099-01-01T00:00:00Z']);
    const brand = admin<{ client_id: string }>(['create-company', '--name', name.slice(0, 100), '--parent', company.clientId]);
    const ofBrand = { ...company, clientId: brand.client_id };
    await (await call(ofBrand, makeKey(ofBrand, 'sandbox').secret)).arrayBuffer();
    const webhook = await createWebhook(company, secret, name, `${receiver.url}/${'x'.repeat(200)}`);
    await publish(company);
    await expect.poll(() => receiver.received.length).toBe(1);
    await signIn(page, company);
    for (const rest of ['webhooks', `webhooks/${webhook}`, `webhooks/${webhook}/edit`, `webhooks/${webhook}/delete`, 'keys', `keys/${key}`, `keys/${key}/delete`]) {
      await fitsEveryWidth(page, company.path(rest));
    }
    await expect(async () => {
      await page.goto(company.path('logs'));
      await expect(page.getByRole('row').filter({ hasText: name.slice(0, 100) })).toBeVisible({ timeout: 1_000 });
    }).toPass();
    await fitsEveryWidth(page, company.path('logs'));
    await page.goto(company.path(`webhooks/${webhook}`));
    const delivery = await page.getByRole('row').getByRole('link', { name: 'order-created' }).first().getAttribute('href');
    await fitsEveryWidth(page, delivery!);
    if (withScripts()) {
      await page.setViewportSize({ width: 390, height: 900 });
      await page.goto(company.path(`webhooks/${webhook}`));
      await hydrated(page);
      await page.getByRole('link', { name: 'Delete' }).click();
      const dialog = page.getByRole('alertdialog');
      await expect(dialog).toBeVisible();
      expect(await dialog.evaluate((dialog) => dialog.scrollWidth <= dialog.clientWidth)).toBe(true);
      await dialog.getByRole('button', { name: 'Delete webhook' }).click();
      await expect(page.getByText(/^Deleted /)).toBeVisible();
      await expectNoSidewaysScroll(page);
    }
  });
}

test('an unbroken path and address fit the pages of the log', async ({ page }) => {
  test.slow();
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const path = `/v1/${'segment'.repeat(60)}/`;
  await (await call(company, secret, path)).arrayBuffer();
  await startSession(page, company);
  await page.goto(company.path('logs'));
  const row = page.locator('.row-link').first();
  await expect(async () => {
    await page.reload();
    await expect(row).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await fitsEveryWidth(page, (await row.getAttribute('href'))!);
  await fitsEveryWidth(page, `${company.path('logs')}?path=${'x'.repeat(300)}`);
});

test('the e-mail is shortened before the company, and neither widens the bar', async ({ page }) => {
  const company = makeCompany('owner', 'Northwind Traders');
  const member = makeMember(company, 'owner', `-of-the-northern-warehouse@${'mail'.repeat(12)}.example.com`);
  await signIn(page, member);
  for (const width of [1440, 820, 720]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    const name = page.locator('.top-bar__company');
    expect(await name.evaluate((name) => name.scrollWidth <= name.clientWidth), `whole at ${width}`).toBe(true);
    await expect(page.getByRole('button', { name: 'Sign out' })).toBeInViewport({ ratio: 1 });
    await expect(page.locator('.top-bar__email')).toHaveAttribute('title', member.email);
  }
});
