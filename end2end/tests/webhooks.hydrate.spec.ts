// The Webhooks tab with scripts: the URL is checked when its field loses focus, the list and the deliveries update
// live, and nothing loads a new document.
import type { Page } from '@playwright/test';
import {
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

async function at(page: Page, rest: string, company: Company = makeCompany()): Promise<Company> {
  makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(rest));
  await hydrated(page);
  return company;
}

/** A webhook for all events, with its page open. */
async function withWebhook(page: Page): Promise<Company> {
  const company = await at(page, 'webhooks/new');
  await page.getByLabel('Name').fill('Orders');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  return company;
}

test('the URL is checked when its field loses focus, and editing it clears the fault', async ({ page }) => {
  await at(page, 'webhooks/new');
  const url = page.getByLabel('URL');
  await url.fill('http://10.0.0.1/in');
  await url.blur();
  await expect(page.getByText(/^This address is not allowed/)).toBeVisible();
  await expect(url).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByText('Enter a name')).toHaveCount(0);
  await url.fill(receiver.url);
  await expect(url).not.toHaveAttribute('aria-invalid', 'true');
  await url.blur();
  await expect(page.getByText('This address is allowed.')).toBeVisible();
});

test('a reload does not say again that the webhook was saved', async ({ page }) => {
  const company = await withWebhook(page);
  await expect(page.getByText('Saved.')).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`${company.path('webhooks/[0-9a-f]{32}')}$`));
  await expect(page.getByText('Saved.')).toBeVisible();
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  await expect(page.getByText('Saved.')).toHaveCount(0);
});

test('the built-in receiver fills in the URL, and a test event to it is delivered', async ({ page }) => {
  await at(page, 'webhooks/new');
  await page.getByRole('button', { name: 'Use the built-in receiver' }).click();
  await expect(page.getByLabel('URL')).not.toHaveValue('');
  await expect(page.getByText('This address is allowed.')).toBeVisible();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await page.getByRole('button', { name: 'Send test event' }).click();
  await expect(page.getByRole('status').filter({ hasText: /Delivered.*200 OK after/ })).toBeVisible();
});

test('a refused form focuses the first invalid field', async ({ page }) => {
  await at(page, 'webhooks/new');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByLabel('Name')).toBeFocused();
  await expect(page.getByLabel('Name')).toHaveAccessibleDescription(/^Enter a name/);
});

test('events can be searched by word and selected by group', async ({ page }) => {
  await at(page, 'webhooks/new');
  await page.getByLabel('Name').fill('Links');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('radio', { name: /Selected events/ }).check();
  const search = page.getByLabel('Search event types');
  await search.fill('refresh stopped');
  await expect(page.getByRole('checkbox')).toHaveCount(1);
  await search.fill('nonsense');
  await expect(page.getByText('No event type matches.')).toBeVisible();
  await search.fill('');
  await page.getByRole('button', { name: 'Links: Select all' }).click();
  await page.getByRole('checkbox', { name: /^link-deleted/ }).uncheck();
  await expect(page.getByText(/^2 of \d+ types selected$/)).toBeVisible();
  await search.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Add webhook' })).toBeVisible();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.locator('.chips li')).toHaveText(['link-connected', 'link-disconnected']);
});

test('choosing an environment without a key says at once that deliveries will be held', async ({ page }) => {
  await at(page, 'webhooks/new');
  await expect(page.getByText('has no active key.')).toHaveCount(0);
  await page.getByRole('radio', { name: /Production/ }).check();
  await expect(page.getByText('Production has no active key.')).toBeVisible();
  await page.getByRole('radio', { name: /Sandbox/ }).check();
  await expect(page.getByText('has no active key.')).toHaveCount(0);
});

test('boxes ticked before hydration are saved', async ({ page }) => {
  const company = await at(page, 'webhooks');
  // The scripts arrive late, as on a slow connection.
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/*.wasm', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(company.path('webhooks/new'), { waitUntil: 'commit' });
  await page.getByLabel('Name').fill('Early');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('radio', { name: /Selected events/ }).check();
  await page.getByRole('checkbox', { name: /^link-connected/ }).check();
  release();
  await hydrated(page);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Early' })).toBeVisible();
  await expect(page.locator('.chips li')).toHaveText(['link-connected']);
});

test('a delivery appears without a reload, counts down, and does not move focus', async ({ page }) => {
  const company = await withWebhook(page);
  receiver.answerWith(500);
  await publish(company, 'order-created');
  const first = page.getByRole('row').filter({ hasText: 'order-created' });
  await expect(first).toContainText(/attempt 1 of 10, next in \d+ s/);
  const seconds = async () => Number(/next in (\d+) s/.exec((await first.textContent())!)?.[1]);
  const before = await seconds();
  await expect.poll(seconds).toBeLessThan(before);
  await expect(page.getByText('Failing for')).toBeVisible();
  const link = first.getByRole('link');
  await link.focus();
  await publish(company, 'link-connected');
  await expect(page.getByRole('row').filter({ hasText: 'link-connected' })).toBeVisible();
  await expect(link).toBeFocused();
});

test('the list updates without a reload: nothing sent, healthy, failing', async ({ page }) => {
  const company = await withWebhook(page);
  await page.getByRole('main').getByRole('link', { name: 'Webhooks', exact: true }).click();
  const row = page.getByRole('row', { name: /Orders/ });
  await expect(row).toContainText('Nothing sent yet');
  await publish(company);
  await expect(row).toContainText('Healthy');
  await expect(row).toContainText('1 delivered');
  receiver.answerWith(503);
  await publish(company);
  await expect(row).toContainText('Failing for');
  await expect(row).toContainText('1 failed');
  await expect(row).toContainText(/in \d+ s/);
});

test('nothing between the form and a replay loads a new document', async ({ page }) => {
  const company = await at(page, 'webhooks');
  await page.evaluate(() => ((globalThis as unknown as { marker: string }).marker = 'still here'));
  const calls: string[] = [];
  page.on('request', (request) => request.url().includes('/rpc/') && calls.push(new URL(request.url()).pathname));
  await page.getByRole('link', { name: 'Add your first webhook' }).click();
  await page.getByLabel('Name').fill('Orders');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  expect(calls.filter((path) => path === '/rpc/webhooks/create')).toHaveLength(1);
  await publish(company);
  await page.getByRole('row').getByRole('link', { name: 'order-created' }).click();
  await page.getByRole('button', { name: 'Replay' }).click();
  await expect(page.getByText('Replay 1', { exact: true })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  expect(await page.evaluate(() => (globalThis as unknown as { marker: string }).marker)).toBe('still here');
});

test('deleting focuses Cancel first and states what will be lost', async ({ page }) => {
  await withWebhook(page);
  await page.getByRole('link', { name: 'Delete' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Delete this webhook?' });
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog.getByText(receiver.url)).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('link', { name: 'Delete' })).toBeFocused();
});

test('the first load requests nothing it already has', async ({ page }) => {
  await withWebhook(page);
  const calls: string[] = [];
  page.on('request', (request) => request.url().includes('/rpc/') && calls.push(request.url()));
  for (const rest of ['', '/edit', '/delete']) {
    await page.goto(new URL(page.url()).pathname.replace(/\/(edit|delete)$/, '') + rest);
    await hydrated(page);
  }
  expect(calls).toEqual([]);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every page of the tab is accessible and fits a phone, ${colorScheme}`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.emulateMedia({ colorScheme });
    const fits = async () => {
      await expectAccessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      await page.setViewportSize({ width: 1440, height: 900 });
    };
    const company = await at(page, 'webhooks');
    await fits();
    await page.goto(company.path('webhooks/new'));
    await hydrated(page);
    await page.getByRole('radio', { name: /Selected events/ }).check();
    await page.getByRole('radio', { name: /Production/ }).check();
    await page.getByLabel('URL').fill('http://10.0.0.1/in');
    await page.getByLabel('URL').blur();
    await expect(page.getByText(/^This address is not allowed/)).toBeVisible();
    await fits();
    await page.getByRole('radio', { name: /Sandbox/ }).check();
    await page.getByRole('radio', { name: /All events/ }).check();
    await page.getByLabel('Name').fill('A receiver with a long name that says what it is for');
    await page.getByLabel('URL').fill(`${receiver.url}/tenants/0123456789abcdef0123456789abcdef/environments/sandbox/orders`);
    await page.getByRole('button', { name: 'Add webhook' }).click();
    receiver.answerWith(503);
    await page.getByRole('button', { name: 'Send test event' }).click();
    await expect(page.getByRole('link', { name: 'Request and response' })).toBeVisible();
    await publish(company);
    await expect(page.getByText('Failing for')).toBeVisible();
    await fits();
    await page.getByRole('link', { name: 'Request and response' }).click();
    await expect(page.getByText('Attempt 1', { exact: true })).toBeVisible();
    await fits();
    await page.goto(company.path('webhooks'));
    await hydrated(page);
    await fits();
  });
}
