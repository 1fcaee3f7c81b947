// What the Logs tab does with scripts: filters are signals, rows arrive by themselves, and nothing is asked for twice.
import { call, enterDemo, expect, hydrated, makeCompany, makeKey, signIn, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

/** What the page asks of the server from here on: server functions and navigations. */
function watch(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.isNavigationRequest()) {
      asked.push(`navigation ${pathname}`);
    } else if (pathname.startsWith('/rpc/')) {
      asked.push(pathname);
    }
  });
  return asked;
}

const count = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text });

/** A company with one request to each path, open on Logs, and quiet. */
async function openLogs(page: Page, paths: string[]): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  for (const path of paths) {
    await (await call(company, secret, path)).arrayBuffer();
  }
  await signIn(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(count(page, new RegExp(`^${paths.length} requests? `))).toBeVisible();
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  return { company, secret };
}

test('the first render needs no call, and a changed filter makes one and no navigation', async ({ page }) => {
  const { company } = await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  const asked = watch(page);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  expect(asked.filter((one) => one.startsWith('/rpc/'))).toEqual([]);

  await page.evaluate(() => Object.assign(globalThis, { marker: 'still here' }));
  asked.length = 0;
  const status = page.getByLabel('Status', { exact: true });
  await status.focus();
  await status.selectOption('4xx');
  await expect(count(page, /^1 request /)).toBeVisible();
  expect(asked).toEqual(['/rpc/logs/list']);
  await expect(status).toBeFocused();
  await expect(page).toHaveURL(/\?status=4xx$/);
  expect(await page.evaluate(() => (globalThis as { marker?: string }).marker)).toBe('still here');
});

test('Back brings the former filter, and the controls follow', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  await expect(count(page, /^1 request /)).toBeVisible();
  await page.getByLabel('Date range', { exact: true }).selectOption('7d');
  await expect(count(page, /in the last 7 days$/)).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Date range', { exact: true })).toHaveValue('24h');
  await expect(page.getByLabel('Status', { exact: true })).toHaveValue('4xx');
  await page.goBack();
  await expect(page.getByLabel('Status', { exact: true })).toHaveValue('');
  await expect(count(page, /^2 requests /)).toBeVisible();
});

test('typing is asked for once it pauses, keeps the focus, and is one step of the history', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  const asked = watch(page);
  const path = page.getByLabel('Path contains', { exact: true });
  await path.focus();
  // As fast as a person's fastest keys, on however slow a machine: no pause between them that would end the typing.
  await path.evaluate((input: HTMLInputElement) => {
    for (const letter of 'no-such') {
      input.value += letter;
      input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }
  });
  await expect(count(page, /^1 request /)).toBeVisible();
  expect(asked).toEqual(['/rpc/logs/list']);
  await path.pressSequentially('-thing');
  await expect(page).toHaveURL(/\?path=no-such-thing$/);
  await expect(path).toBeFocused();
  await page.goBack();
  await expect(path).toHaveValue('');
  await expect(count(page, /^2 requests /)).toBeVisible();
});

test('a custom range begins with the one on the page', async ({ page }) => {
  await openLogs(page, ['/v1/users/']);
  await expect(page.getByLabel('From, UTC')).toBeHidden();
  await page.getByLabel('Date range', { exact: true }).selectOption({ label: 'Custom…' });
  await expect(page.getByLabel('From, UTC')).not.toHaveValue('');
  await page.getByLabel('Until, UTC').fill('2026-01-05T12:00');
  await expect(page).toHaveURL(/to=2026-01-05T12:00:00\.000Z/);
  await expect(page.getByRole('heading', { name: /^No requests/ })).toBeVisible();
});

test('the first request takes the place of the empty page by itself', async ({ page }) => {
  const { company, secret } = await openEmpty(page);
  await (await call(company, secret)).arrayBuffer();
  await expect(page.getByRole('row').filter({ hasText: '/v1/users/' })).toBeVisible({ timeout: 2_000 });
});

async function openEmpty(page: Page): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(page.getByRole('heading', { name: 'Waiting for your first request…' })).toBeVisible();
  return { company, secret };
}

test('a new request appears within two seconds, and the rows that were there stay the same elements', async ({ page }) => {
  const { company, secret } = await openLogs(page, ['/v1/users/']);
  await page.evaluate(() => Object.assign(globalThis, { row: document.querySelector('.row-link') }));
  await (await call(company, secret, '/v1/no-such-thing/')).arrayBuffer();
  await expect(page.getByRole('row').filter({ hasText: '/v1/no-such-thing/' })).toBeVisible({ timeout: 2_000 });
  expect(await page.evaluate(() => (globalThis as unknown as { row: Element }).row.isConnected)).toBe(true);
});

test('paused, the list stands still and counts what arrives', async ({ page }) => {
  const { company, secret } = await openLogs(page, ['/v1/users/']);
  await page.getByRole('button', { name: 'Pause' }).click();
  await (await call(company, secret, '/v1/no-such-thing/')).arrayBuffer();
  const waiting = page.getByRole('button', { name: '1 new request' });
  await expect(waiting).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: '/v1/no-such-thing/' })).toHaveCount(0);
  await waiting.click();
  await expect(page.getByRole('row').filter({ hasText: '/v1/no-such-thing/' })).toBeVisible();
  await expect(waiting).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeFocused();
});

test('a request shows its page without leaving the application, and Back brings the list with its filter', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  await expect(count(page, /^1 request /)).toBeVisible();
  const asked = watch(page);
  await page.locator('.row-link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('GET /v1/no-such-thing/');
  expect(asked.filter((one) => one.startsWith('navigation'))).toEqual([]);
  await expect(page.getByRole('main').getByRole('link', { name: 'Logs', exact: true })).toHaveAttribute('href', /\?status=4xx$/);
  await page.goBack();
  await expect(page.getByLabel('Status', { exact: true })).toHaveValue('4xx');
  await expect(count(page, /^1 request /)).toBeVisible();
});

test('the demo says from when its requests are real, and older pages have their own address', async ({ page }) => {
  await enterDemo(page, 'Owner');
  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByText(/^Generated until .+, real since\.$/)).toBeVisible();
  await expect(page.locator('.row-link')).toHaveCount(50);
  await page.getByRole('link', { name: 'Load older' }).click();
  await expect(page).toHaveURL(/\?before=\d+$/);
  await expect(page.getByRole('link', { name: 'Newest requests' })).toBeVisible();
  await expect(page.getByText('Live', { exact: true })).toHaveCount(0);
  // The demo calls once a second: what arrives meanwhile is counted, not shown.
  await page.getByRole('link', { name: /new requests?$/ }).click();
  await expect(page).toHaveURL(/\/logs$/);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
});
