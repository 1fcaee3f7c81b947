// A request beside the list: opening, stepping and closing by pointer and keys, the address, and the focus.
import { admin, call, expect, expectAccessible, expectEachRequest, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, signIn, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

const drawer = (page: Page) => page.getByRole('complementary', { name: 'Request' });
const heading = (page: Page) => drawer(page).getByRole('heading', { level: 2, name: 'Request', exact: true }).first();
const rowOf = (page: Page, path: string) => page.getByRole('row').filter({ hasText: path });
const opened = (page: Page) => new URL(page.url()).searchParams.get('open');

/** A company with one request to each path, the last one on top, with its Logs tab open. */
async function openLogs(page: Page, paths: string[]): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  for (const path of paths) {
    await (await call(company, secret, path)).arrayBuffer();
  }
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await expect(page.locator('.row-link')).toHaveCount(Math.min(paths.length, 50));
  return { company, secret };
}

/** Opens the row of this path by a click, and waits for its request. */
async function openRow(page: Page, path: string): Promise<void> {
  await rowOf(page, path).locator('.row-link').click();
  await expect(drawer(page).locator('.logs-drawer__line')).toContainText(path);
}

test('a click opens the request beside the list, and Back, Close and Escape close it and return to the row', async ({ page }) => {
  const { company } = await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  const link = rowOf(page, '/v1/users/').locator('.row-link');
  const closings = [
    () => page.goBack(),
    () => drawer(page).getByRole('link', { name: 'Close' }).click(),
    () => page.keyboard.press('Escape'),
  ];
  for (const close of closings) {
    await openRow(page, '/v1/users/');
    await expect(page).toHaveURL(/\/logs\?open=[0-9a-f]{32}$/);
    await expect(heading(page)).toBeFocused();
    await expect(link).toHaveAttribute('aria-current', 'true');
    await expect(drawer(page)).toContainText('Accepted: the API returned 200 OK');
    await expect(drawer(page).getByRole('link', { name: 'Open as a page' })).toHaveAttribute('href', company.path(`logs/${opened(page)}`));
    await close();
    await expect(drawer(page)).toHaveCount(0);
    await expect(page).toHaveURL(/\/logs$/);
    await expect(link).toBeFocused();
    await expect(link).not.toHaveAttribute('aria-current');
  }
  // Each opening was one step, and each closing the step back.
  await page.goForward();
  await expect(drawer(page)).toBeVisible();
});

test('J, K and the arrows step through the rows of the filter without steps in the history', async ({ page }) => {
  await openLogs(page, ['/v1/no-such-thing/?a=1', '/v1/users/', '/v1/no-such-thing/?a=2', '/v1/no-such-thing/?a=3']);
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  await expect(page.locator('.row-link')).toHaveCount(3);
  const line = drawer(page).locator('.logs-drawer__line');
  await openRow(page, '?a=3');
  for (const [key, path] of [['j', '?a=2'], ['j', '?a=1'], ['j', '?a=1'], ['k', '?a=2'], ['ArrowUp', '?a=3'], ['ArrowUp', '?a=3'], ['ArrowDown', '?a=2']] as const) {
    await page.keyboard.press(key);
    await expect(line).toContainText(path);
    await expect(heading(page)).toBeFocused();
    await expect(rowOf(page, path).locator('.row-link')).toHaveAttribute('aria-current', 'true');
  }
  await expect(page).toHaveURL(/\?status=4xx&open=/);
  await drawer(page).getByRole('button', { name: 'Next request (J)' }).click();
  await expect(line).toContainText('?a=1');
  // A press on plain text of the drawer leaves the keys to it.
  for (const [key, path] of [['k', '?a=2'], ['j', '?a=1']] as const) {
    await line.click();
    await page.keyboard.press(key);
    await expect(line).toContainText(path);
  }
  // On a row the focus stays in the list.
  await rowOf(page, '?a=1').locator('.row-link').focus();
  await page.keyboard.press('k');
  await expect(line).toContainText('?a=2');
  await expect(rowOf(page, '?a=2').locator('.row-link')).toBeFocused();
  await page.goBack();
  await expect(drawer(page)).toHaveCount(0);
  await expect(page).toHaveURL(/\?status=4xx$/);
});

test('keys that are typed, and arrows that scroll, do not step', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/orders/']);
  await openRow(page, '/v1/orders/');
  const line = drawer(page).locator('.logs-drawer__line');
  await drawer(page).getByRole('group', { name: 'curl' }).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Control+j');
  await page.getByLabel('Status', { exact: true }).focus();
  await page.keyboard.press('j');
  await page.getByText('More filters', { exact: true }).click();
  // The search line, which only changes the filter when it is sent.
  const search = page.locator('#search-line');
  await search.focus();
  await page.keyboard.press('k');
  await expect(search).toHaveValue('k');
  await expect(line).toContainText('/v1/orders/');
});

test('J and K do nothing while single keys are switched off, and the arrows and Escape still work', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/orders/']);
  await page.getByText('More filters', { exact: true }).click();
  await page.getByRole('button', { name: 'Turn off single-key shortcuts' }).click();
  await openRow(page, '/v1/orders/');
  const line = drawer(page).locator('.logs-drawer__line');
  await page.keyboard.press('j');
  // Keys are handled in turn: once the arrow has stepped one row, J has not.
  await page.keyboard.press('ArrowDown');
  await expect(line).toContainText('/v1/users/');
  await page.keyboard.press('k');
  await page.keyboard.press('ArrowDown');
  await expect(heading(page)).toBeFocused();
  await expect(line).toContainText('/v1/users/');
  await page.keyboard.press('Escape');
  await expect(drawer(page)).toHaveCount(0);
});

test('at the end of the rows the next key fetches older ones', async ({ page }) => {
  const { company, secret } = await openLogs(page, []);
  for (let at = 0; at < 60; at += 1) {
    await (await call(company, secret, `/v1/users/?at=${100 + at}`)).arrayBuffer();
  }
  await expect(page.getByRole('status').filter({ hasText: /^60 requests / })).toBeVisible();
  await expectEachRequest(page);
  await expect(page.locator('.row-link')).toHaveCount(50);
  await page.locator('.row-link').last().scrollIntoViewIfNeeded();
  await openRow(page, '/v1/users/?at=110');
  await page.keyboard.press('j');
  await expect(drawer(page).locator('.logs-drawer__line')).toContainText('/v1/users/?at=109');
  await expect(page.locator('.row-link')).toHaveCount(60);
  await expect(rowOf(page, '?at=109')).toBeInViewport();
});

test('the list waits while a request is open, and a click opens the row it was aimed at', async ({ page }) => {
  const { company, secret } = await openLogs(page, ['/v1/users/', '/v1/orders/']);
  await openRow(page, '/v1/orders/');
  await page.mouse.move(5, 5);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await (await call(company, secret, '/v1/no-such-thing/')).arrayBuffer();
  await expect(page.getByRole('button', { name: '1 new request' })).toBeVisible();
  await expect(rowOf(page, '/v1/no-such-thing/')).toHaveCount(0);
  await openRow(page, '/v1/users/');
  await page.keyboard.press('Escape');
  await page.locator('.row-link').first().evaluate((row: HTMLElement) => row.blur());
  await page.mouse.move(5, 5);
  await expect(rowOf(page, '/v1/users/').locator('.row-link')).not.toHaveAttribute('aria-current');
});

test('an address with an open request shows it at once, and closing leaves the filter', async ({ page }) => {
  const { company } = await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  await openRow(page, '/v1/no-such-thing/');
  const open = opened(page);
  const asked: string[] = [];
  page.on('request', (request) => request.url().includes('/rpc/') && asked.push(new URL(request.url()).pathname));
  await page.goto(company.path(`logs?status=4xx&open=${open}`));
  await hydrated(page);
  await expect(drawer(page)).toContainText('The API returned 404 Not found');
  expect(asked).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(drawer(page)).toHaveCount(0);
  await expect(page).toHaveURL(/\?status=4xx$/);
});

test('changing the filter closes it, and a link in it narrows the list', async ({ page }) => {
  await openLogs(page, ['/v1/users/', '/v1/no-such-thing/']);
  await openRow(page, '/v1/users/');
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  await expect(drawer(page)).toHaveCount(0);
  await expect(page).toHaveURL(/\?status=4xx$/);
  await openRow(page, '/v1/no-such-thing/');
  await drawer(page).getByRole('link', { name: 'Not 404', exact: true }).click();
  await expect(page).toHaveURL(/\?status=4xx&-status=404$/);
  await expect(drawer(page)).toHaveCount(0);
});

test('a request that is not there says so, and the list goes on', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const { company } = await openLogs(page, ['/v1/users/']);
  await page.goto(company.path(`logs?open=${'0'.repeat(32)}`));
  await hydrated(page);
  await expect(drawer(page).getByRole('heading', { name: 'Not found' })).toBeVisible();
  await openRow(page, '/v1/users/');
  await expect(drawer(page)).toContainText('200 OK');
});

test('where there is no room, and with a modifier, a row leads to its page', async ({ page, context }) => {
  await openLogs(page, ['/v1/users/']);
  const [tab] = await Promise.all([context.waitForEvent('page'), rowOf(page, '/v1/users/').locator('.row-link').click({ modifiers: ['Control'] })]);
  await expect(tab).toHaveURL(/\/logs\/[0-9a-f]{32}$/);
  await tab.close();
  await expect(drawer(page)).toHaveCount(0);
  await page.setViewportSize({ width: 390, height: 844 });
  await rowOf(page, '/v1/users/').locator('.row-link').click();
  await expect(page).toHaveURL(/\/logs\/[0-9a-f]{32}$/);
});

test('a body is searched: places are counted, stepped through, and shown in parts that were folded', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const lines = Array.from({ length: 40 }, (_, at) => ({ sku: `sku-${at}`, note: at % 20 === 7 ? 'Needle <b>' : 'hay' }));
  const body = JSON.stringify({ lines });
  await (await call(company, secret, '/v1/orders/', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })).arrayBuffer();
  await signIn(page, company);
  await expect(async () => {
    await page.goto(company.path('logs'));
    await expect(page.locator('.row-link')).toHaveCount(1, { timeout: 500 });
  }).toPass();
  await hydrated(page);
  await openRow(page, '/v1/orders/');
  const text = drawer(page).getByRole('group', { name: 'Request body' });
  await text.locator('summary').nth(1).click();
  await expect(text.getByText('sku-7"')).toBeHidden();
  await expect(text.locator('summary').nth(1)).toContainText('40 items ]');
  const find = drawer(page).getByRole('searchbox', { name: 'Find in request body' });
  await find.fill('needle <');
  await expect(text.locator('mark')).toHaveText(['Needle <', 'Needle <']);
  await expect(drawer(page).getByText('1 of 2')).toBeVisible();
  await expect(text.locator('mark[data-current]')).toBeInViewport();
  await find.press('Enter');
  await expect(drawer(page).getByText('2 of 2')).toBeVisible();
  await expect(text.locator('mark').nth(1)).toHaveAttribute('data-current', '');
  await find.press('Shift+Enter');
  await expect(drawer(page).getByText('1 of 2')).toBeVisible();
  await find.fill('nowhere');
  await expect(drawer(page).getByText('Not found', { exact: true })).toBeVisible();
  // Escape empties the field first.
  await find.press('Escape');
  await expect(find).toHaveValue('');
  await expect(drawer(page)).toBeVisible();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await drawer(page).getByRole('button', { name: 'Copy Request body' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(body);
  await drawer(page).getByRole('button', { name: 'Copy link' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(new URL(company.path(`logs/${opened(page)}`), page.url()).href);
});

test('with a request open the page is accessible and never wider than the window', async ({ page }) => {
  test.slow();
  const { company, secret } = await openLogs(page, []);
  const { key_id: keyId, secret: gone } = makeKey(company, 'sandbox');
  admin(['delete-key', '--key-id', keyId]);
  await (await call(company, gone)).arrayBuffer();
  await (await call(company, secret, `/v1/${'long-'.repeat(60)}/?q=%3Cimg%3E%E2%80%AE`)).arrayBuffer();
  await expect(page.locator('.row-link')).toHaveCount(2);
  for (const path of ['long-', 'Deleted key']) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await rowOf(page, path).locator('.row-link').click();
    await expect(drawer(page).getByRole('region', { name: 'What happened' })).toBeVisible();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page);
    }
    for (const width of [1440, 1280, 1100, 1024, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await expectNoSidewaysScroll(page);
      await expect(heading(page)).toBeInViewport();
    }
    await page.keyboard.press('Escape');
    await expect(drawer(page)).toHaveCount(0);
  }
});
