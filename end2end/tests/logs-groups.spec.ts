// The views of the Logs tab that show requests in groups, before their WASM arrives or without it.
import { admin, call, expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, openWhenItHas, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

/** A company with two failures of one kind, one of another, and three requests that went well. */
async function withFailures(page: Page): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const paths = ['/v1/no-such-thing/17/', '/v1/no-such-thing/18/?a=b', '/v1/nor-this/', '/v1/users/', '/v1/users/', '/v1/users/?page=2'];
  for (const path of paths) {
    await (await call(company, secret, path)).arrayBuffer();
  }
  await startSession(page, company);
  // Rows are written after the response has been sent.
  await openWhenItHas(page, company.path('logs'), /^6 requests/);
  await hydrated(page);
  return { company, secret };
}

const views = (page: Page) => page.getByRole('navigation', { name: 'Requests, errors, endpoints or addresses' });

test('errors are in groups, and a click shows the requests of one', async ({ page }) => {
  const { secret } = await withFailures(page);
  await views(page).getByRole('link', { name: 'Errors' }).click();
  await expect(page).toHaveURL(/\/logs\?view=errors$/);
  await expect(page.getByText('2 kinds of errors in the last 24 hours')).toBeVisible();
  await expect(views(page).getByRole('link', { name: 'Errors' })).toHaveAttribute('aria-current', 'page');
  const table = page.getByRole('table', { name: 'Errors, most frequent first' });
  await expect(table.getByRole('columnheader')).toHaveText(['Status', 'Endpoint and error', 'Over time', 'Last and first seen', 'Keys and brands', 'Requests']);
  const row = table.getByRole('row').filter({ hasText: '/v1/no-such-thing/{id}/' });
  await expect(row).toContainText('404');
  await expect(row).toContainText(`…${secret.slice(-4)}`);
  await expect(row.getByRole('cell').last()).toHaveText(/^2/);
  // The rows are not there, and not asked for.
  await expect(page.getByRole('table', { name: 'Requests, newest first' })).toHaveCount(0);
  await row.getByRole('link').click();
  await expect(page.getByRole('status').filter({ hasText: /^2 requests / })).toBeVisible();
  await expect(page).toHaveURL(/\/logs\?status=404&method=GET&verdict=accepted&error=none&endpoint=\/v1\/no-such-thing\/%7Bid%7D\/$/);
  await expect(page.getByRole('link', { name: 'Remove the filter Endpoint: /v1/no-such-thing/{id}/' })).toBeVisible();
  const found = page.getByText('/v1/no-such-thing/18/?a=b', { exact: true });
  await expect(found).toBeVisible();
  if (test.info().project.use.javaScriptEnabled !== false) {
    await expect(found, 'the values to filter by stay folded, and what was asked for is in sight').toBeInViewport();
  }
  await page.goBack();
  await expect(page.getByText('2 kinds of errors in the last 24 hours')).toBeVisible();
});

test('addresses say who sends a deleted key', async ({ page }) => {
  const { company, secret } = await withFailures(page);
  const { key_id: keyId, secret: old } = makeKey(company, 'sandbox');
  admin(['delete-key', '--key-id', keyId]);
  await (await call(company, old, '/v1/users/?page=3')).arrayBuffer();
  await openWhenItHas(page, company.path('logs?verdict=deleted_key'), /^1 request /);
  await page.locator('.row-link').click();
  await page.getByRole('link', { name: 'Show the addresses that send it' }).click();
  await expect(page.getByText('1 address in the last 30 days')).toBeVisible();
  const table = page.getByRole('table', { name: 'Addresses, most frequent first' });
  await expect(table.getByRole('columnheader')).toHaveText(['Address', 'Requests', 'Latest', 'Path of the latest', 'User agent of the latest']);
  const row = table.getByRole('row').filter({ hasText: '127.0.0.1' });
  await expect(row).toContainText('/v1/users/?page=3');
  await expect(row).toContainText('1 request');
  await page.goto(company.path('logs?view=addresses'));
  await expect(row).toContainText('7 requests');
  await row.getByRole('link').click();
  await expect(page).toHaveURL(/\/logs\?ip=127\.0\.0\.1$/);
  await expect(page.getByRole('status').filter({ hasText: /^7 requests / })).toBeVisible();
  expect((await call(company, secret)).status).toBe(200);
});

test('endpoints have their numbers, and the view stays when the filter changes', async ({ page }) => {
  const { company } = await withFailures(page);
  await page.goto(company.path('logs?view=endpoints'));
  await expect(page.getByText('3 endpoints in the last 24 hours')).toBeVisible();
  const table = page.getByRole('table', { name: 'Endpoints, most frequent first' });
  const row = (name: string) => table.getByRole('row').filter({ hasText: name });
  await expect(row('/v1/users/').getByRole('cell').nth(2)).toHaveText(/^3/);
  await expect(row('/v1/users/')).toContainText('0 %');
  await expect(row('/v1/no-such-thing/{id}/')).toContainText('100 %');
  await expect(row('/v1/users/')).toContainText(/\d\.\d ms/);
  await hydrated(page);
  await page.getByRole('link', { name: '400 and above' }).click();
  await expect(page).toHaveURL(/\?view=endpoints&sort=failed$/);
  const sorted = page.getByRole('table', { name: 'Endpoints, largest part with 400 and above first' });
  await expect(sorted.getByRole('row').nth(1)).toContainText('100 %');
  await expect(sorted.getByRole('row').nth(3)).toContainText('/v1/users/');
  await page.getByRole('link', { name: 'Requests', exact: true }).last().click();
  await expect(table.getByRole('row').nth(1)).toContainText('/v1/users/');
  await page.getByLabel('Status', { exact: true }).selectOption('4xx');
  const apply = page.getByRole('button', { name: 'Apply' }).first();
  if (test.info().project.use.javaScriptEnabled === false) {
    await apply.click();
  }
  await expect(page.getByText('2 endpoints in the last 24 hours')).toBeVisible();
  await expect(page).toHaveURL(/[?&]view=endpoints/);
  await expect(page).toHaveURL(/[?&]status=4xx/);
  await page.getByRole('link', { name: 'Clear', exact: true }).click();
  await expect(page.getByText('3 endpoints in the last 24 hours')).toBeVisible();
  await views(page).getByRole('link', { name: 'Requests' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^6 requests / })).toBeVisible();
  await expect(page).toHaveURL(/\/logs$/);
});

test('without failures and without requests the views say so', async ({ page }) => {
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('logs?view=errors'));
  await expect(page.getByRole('heading', { name: 'No request failed in the last 24 hours' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Requests over time' })).toContainText('No requests in the last 24 hours.');
  await page.goto(company.path('logs?view=endpoints&status=5xx'));
  await expect(page.getByRole('heading', { name: 'No requests match' })).toBeVisible();
});

test('errors and endpoints are accessible and never wider than the window', async ({ page }) => {
  const { company } = await withFailures(page);
  test.slow();
  for (const view of ['errors', 'endpoints']) {
    await page.goto(company.path(`logs?view=${view}`));
    await expect(page.locator('.row-link', { hasText: '/v1/no-such-thing/{id}/' })).toBeVisible();
    await hydrated(page);
    // The checker is itself a script.
    for (const colorScheme of test.info().project.use.javaScriptEnabled === false ? [] : (['light', 'dark'] as const)) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page);
    }
    for (const width of [390, 720, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await expectNoSidewaysScroll(page);
    }
    // On a phone an endpoint has two lines.
    await page.setViewportSize({ width: 390, height: 900 });
    for (const row of view === 'endpoints' ? await page.locator('.logs-groups tbody tr').all() : []) {
      expect((await row.boundingBox())!.height).toBeLessThan(70);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  }
});
