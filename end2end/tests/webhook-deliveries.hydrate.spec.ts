// The list of deliveries with scripts: it holds still while someone aims at a row, follows otherwise, and Back returns to the place.
import type { Page } from '@playwright/test';
import {
  call,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  hydrated,
  makeCompany,
  makeKey,
  startSession,
  test,
  type Company,
} from '../fixtures/gatehouse.ts';
import { publish, startReceiver, type Receiver } from '../fixtures/receiver.ts';

let receiver: Receiver;

test.beforeEach(async () => {
  receiver = await startReceiver();
});

test.afterEach(async () => {
  await receiver.close();
});

const rows = (page: Page) => page.locator('.row-link');
const unseen = (page: Page, many: number) => page.getByRole('button', { name: `${many} new deliveries` });

/** A webhook with its list open. */
async function atTheList(page: Page, published = 0, query = ''): Promise<Company> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const created = await call(company, secret, '/v1/webhooks/', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Orders', webhook_url: receiver.url, env_type: 'sandbox' }),
  });
  const { id } = (await created.json()) as { id: string };
  let sent = 0;
  const one = async () => {
    while (sent < published) {
      sent += 1;
      await publish(company);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
  await expect.poll(() => receiver.received.length).toBe(published);
  await startSession(page, company);
  await page.goto(company.path(`webhooks/${id}/deliveries${query}`));
  await hydrated(page);
  return company;
}

test('new deliveries do not move the row under the pointer, and its state goes on being kept', async ({ page }) => {
  receiver.answerWith(500);
  const company = await atTheList(page, 1);
  const first = page.getByRole('row').filter({ hasText: 'order-created' });
  await expect(first).toContainText(/attempt 1 of 10, next in \d+ s/);
  await first.hover();
  const top = (await first.boundingBox())!.y;
  await publish(company, 'link-connected');
  await publish(company, 'link-deleted');
  await expect(unseen(page, 2)).toBeVisible();
  expect((await first.boundingBox())!.y).toBe(top);
  await expect(rows(page)).toHaveCount(1);
  await unseen(page, 2).click();
  await expect(rows(page)).toHaveCount(3);
  await expect(unseen(page, 2)).toHaveCount(0);
});

test('the list follows what happens while no one aims at it, and holds still while it is paused', async ({ page }) => {
  const company = await atTheList(page);
  await page.mouse.move(5, 5);
  await publish(company);
  await expect(page.getByRole('row').filter({ hasText: 'order-created' })).toContainText('Delivered');
  await publish(company, 'link-deleted');
  await expect(rows(page)).toHaveText(['link-deleted', 'order-created']);
  await page.getByRole('button', { name: 'Pause' }).click();
  await publish(company, 'link-connected');
  await expect(unseen(page, 1)).toBeVisible();
  await expect(rows(page)).toHaveCount(2);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(rows(page)).toHaveText(['link-connected', 'link-deleted', 'order-created']);
});

test('older rows are added below, and Back from a delivery comes back to its row', async ({ page }) => {
  test.slow();
  await atTheList(page, 60);
  await expect(rows(page)).toHaveCount(50);
  await page.evaluate(() => ((globalThis as unknown as { marker: string }).marker = 'still here'));
  await page.getByRole('link', { name: 'Show older deliveries' }).click();
  await expect(rows(page)).toHaveCount(60);
  await expect(page.getByRole('link', { name: 'Show older deliveries' })).toHaveCount(0);
  const row = rows(page).nth(55);
  await row.scrollIntoViewIfNeeded();
  const place = await page.evaluate(() => scrollY);
  const href = await row.getAttribute('href');
  await row.click();
  await expect(page.getByRole('heading', { level: 1, name: 'order-created' })).toBeVisible();
  await page.goBack();
  await expect(rows(page)).toHaveCount(60);
  await expect(page.locator(`.row-link[href="${href}"]`)).toBeFocused();
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(place - 200);
  expect(await page.evaluate(() => (globalThis as unknown as { marker: string }).marker)).toBe('still here');
});

test('a filter changes the list without a new document, and Back takes it off again', async ({ page }) => {
  const company = await atTheList(page, 2);
  await publish(company, 'link-deleted');
  await expect(rows(page)).toHaveCount(3);
  await page.evaluate(() => ((globalThis as unknown as { marker: string }).marker = 'still here'));
  await page.getByLabel('Event', { exact: true }).selectOption('link-deleted');
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel('What failed').selectOption('dns');
  await expect(page.getByRole('heading', { name: 'No deliveries match' })).toBeVisible();
  await page.goBack();
  await expect(rows(page)).toHaveCount(1);
  await page.goBack();
  await expect(rows(page)).toHaveCount(3);
  await expect(page.getByLabel('Event', { exact: true })).toHaveValue('');
  expect(await page.evaluate(() => (globalThis as unknown as { marker: string }).marker)).toBe('still here');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the list and a delivery are accessible and fit a phone, ${colorScheme}`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.emulateMedia({ colorScheme });
    const fits = async () => {
      await expectAccessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      await page.setViewportSize({ width: 1440, height: 900 });
    };
    const company = await atTheList(page);
    await fits();
    receiver.answerWith(503);
    await publish(company);
    await expect(page.getByRole('row').filter({ hasText: 'Retrying' })).toHaveCount(1);
    await page.getByText('More filters').click();
    await fits();
    await page.getByLabel('What failed').selectOption('dns');
    await expect(page.getByRole('heading', { name: 'No deliveries match' })).toBeVisible();
    await fits();
    await page.goBack();
    await rows(page).first().click();
    await expect(page.getByRole('table', { name: 'Where the time went' })).toBeVisible();
    await fits();
  });
}
