// The Logs tab when a part of it cannot be loaded, and what its first page copies.
import { call, expect, expectAccessible, hydrated, makeCompany, makeKey, startSession, test } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

const count = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text });

/** Lets calls to these server functions fail until what it returns is called. */
async function breakCalls(page: Page, ...names: string[]): Promise<() => Promise<void>> {
  const pattern = new RegExp(`/rpc/logs/(${names.join('|')})`);
  await page.route(pattern, (route) => route.abort('connectionrefused'));
  return () => page.unroute(pattern);
}

/** The Logs tab of a company with this many requests. */
async function openLogs(page: Page, requests: number): Promise<void> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  for (let at = 0; at < requests; at += 1) {
    await (await call(company, secret, `/v1/users/?at=${at}`)).arrayBuffer();
  }
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(count(page, new RegExp(`^${requests} requests? `))).toBeVisible();
}

test('older requests that could not be loaded leave the rows, and Try again adds them', async ({ page, expectedFaults }) => {
  test.slow();
  expectedFaults.push('rpc/logs/list');
  await openLogs(page, 60);
  const rows = page.locator('#requests tbody tr');
  await expect(rows).toHaveCount(50);
  const first = await rows.first().getAttribute('data-seq');
  const address = page.url();
  const mend = await breakCalls(page, 'list');
  await page.getByRole('link', { name: 'Show older requests' }).click();
  const failure = page.getByRole('alert').filter({ hasText: 'This could not be loaded' });
  await expect(failure).toBeVisible();
  await expect(rows).toHaveCount(50);
  expect(await rows.first().getAttribute('data-seq')).toBe(first);
  expect(page.url()).toBe(address);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  const again = page.getByRole('link', { name: 'Try again' });
  await expect(again).toBeFocused();
  await again.click();
  await expect(failure).toBeVisible();
  await mend();
  await again.click();
  await expect(rows).toHaveCount(60);
  await expect(failure).toHaveCount(0);
});

test('a filter whose requests could not be loaded has its chip, and so has one of which nothing could be', async ({ page, expectedFaults }) => {
  expectedFaults.push('rpc/logs/');
  await openLogs(page, 2);
  let mend = await breakCalls(page, 'list');
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  await expect(page.getByRole('heading', { name: 'This could not be loaded' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Remove the filter Status: 4xx Client error' })).toBeVisible();
  await mend();
  mend = await breakCalls(page, 'list', 'draw');
  await page.getByLabel('Status', { exact: true }).selectOption('5xx');
  await expect(page).toHaveURL(/\?status=5xx$/);
  const chips = page.getByRole('list', { name: 'Active filters' });
  await expect(chips).toHaveText('status: 5xx');
  await expect(chips.getByRole('link')).toHaveAttribute('href', /\/logs\?$/);
  await mend();
  await page.getByRole('link', { name: 'Try again' }).click();
  await expect(page.getByRole('link', { name: 'Remove the filter Status: 5xx Server error' })).toBeVisible();
  await expect(chips).toHaveCount(1);
  await expect(page.getByRole('heading', { name: 'No requests match' })).toBeVisible();
});

test.describe('with the clipboard', () => {
  test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

  test('the page before the first request copies the command that makes it', async ({ page }) => {
    const company = makeCompany();
    await startSession(page, company);
    await page.goto(company.path('logs'));
    await hydrated(page);
    await expect(page.getByRole('heading', { name: 'Waiting for your first request…' })).toBeVisible();
    const shown = await page.getByRole('group', { name: 'curl' }).textContent();
    await page.getByRole('button', { name: 'Copy curl' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
    expect(shown).toContain(`X-Access-Client-Id: ${company.clientId}`);
    await expect(page.getByText('curl copied')).toBeAttached();
  });
});
