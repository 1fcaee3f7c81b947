// The Logs tab and a request's own page, before their WASM arrives or without it.
import { admin, call, expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, openWhenItHas, signIn, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

/** Opens the page once it has the rows, which are written after the response has been sent. */
async function openWhenListed(page: Page, address: string, count: RegExp): Promise<void> {
  await openWhenItHas(page, address, count);
  await expect(page.getByRole('status').filter({ hasText: count })).toBeVisible();
  await hydrated(page);
}

/** A company whose log has these calls, in this order. */
async function withCalls(page: Page, calls: { path: string; init?: RequestInit }[]): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  for (const { path, init } of calls) {
    await (await call(company, secret, path, init)).arrayBuffer();
  }
  await startSession(page, company);
  return { company, secret };
}

test('before the first request the page shows how to make it', async ({ page }) => {
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await expect(page.getByRole('heading', { name: 'Waiting for your first request…' })).toBeVisible();
  const line = page.getByRole('main').getByRole('group', { name: 'curl' });
  await expect(line).toContainText(company.clientId);
  await expect(line).toContainText('X-Access-Secret: $SECRET');
  await expect(line).toContainText(process.env.GATEHOUSE_GATEWAY!);
  // With scripts the request appears without a reload; otherwise there is a link to reload.
  const again = page.getByRole('link', { name: 'Reload this page' });
  if (test.info().project.use.javaScriptEnabled === false) {
    await expect(page.getByText('will appear here')).toBeHidden();
    await again.click();
    await expect(again).toBeVisible();
  } else {
    await expect(page.getByText('The request will appear here.')).toBeVisible();
    await expect(again).toBeHidden();
  }
});

test('the address shows when a range ends before it begins, or a custom range has no bounds', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await page.goto(company.path('logs?range=&from=2026-01-05T12:00&to=2026-01-05T11:00'));
  await expect(page.getByText('to must be later than from.')).toBeVisible();
  await page.goto(company.path('logs?range=&from=&to=&status='));
  await expect(page.getByText('from must be a time if "to" is not set.')).toBeVisible();
});

test('an error of the API comes first, and the accepted key after it', async ({ page }) => {
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  const { company } = await withCalls(page, [{ path: '/v1/no-such-thing/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await page.locator('.row-link').first().click();
  const happened = page.getByRole('region', { name: 'What happened' });
  await expect(happened).toContainText(/What happened\s*The API returned 404 Not found after \d[\d.]* (µs|ms)\./);
  await expect(happened).toContainText('Key accepted. The key was active');
  await expect(page).toHaveTitle('GET /v1/no-such-thing/ 404 · Gatehouse');
});

test('a request is a row with its status as number and word, and a link to its own page', async ({ page }) => {
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  const { company, secret } = await withCalls(page, [{ path: '/v1/users/?page=2' }]);
  await openWhenListed(page, company.path('logs'), /^1 request in the last 24 hours$/);
  const row = page.getByRole('row').filter({ hasText: '/v1/users/?page=2' });
  await expect(row.getByRole('cell', { name: '200 OK' })).toBeVisible();
  await expect(row).toContainText('Sandbox');
  await expect(row).toContainText(`…${secret.slice(-4)}`);
  await row.getByRole('link').click();
  await expect(page).toHaveURL(/\/logs\/[0-9a-f]{32}$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('GET /v1/users/?page=2');
  await expect(page.getByText('The key was active and the request was passed on.')).toBeVisible();
});

test('the columns and filters are in the documented order, three filters before the others', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await expect(page.getByRole('columnheader')).toHaveText(['Time', 'Status', 'Method', 'Path', 'Brand', 'Environment', 'Key', 'Duration']);
  const labels = () => page.getByRole('form', { name: 'Filters' }).locator('.field__label:visible').allTextContents();
  expect(await labels()).toEqual(['Date range', 'Status', 'Brand']);
  await page.getByText('More filters', { exact: true }).click();
  // With scripts, the values to choose from are loaded when it is opened; without them there are menus.
  const menus = test.info().project.use.javaScriptEnabled === false ? ['Environment', 'Key', 'Method'] : [];
  expect(await labels()).toEqual(['Date range', 'Status', 'Brand', 'Search', 'Path contains', ...menus]);
  // It is open where one of its filters is set.
  await page.goto(company.path('logs?method=POST'));
  await expect(page.getByLabel('Path contains', { exact: true })).toBeVisible();
});

test('the chart covers the range, and its table, legend and links lead to parts of it', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: '/v1/no-such-thing/' }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  const chart = page.getByRole('region', { name: 'Requests over time' });
  const legend = chart.getByRole('list', { name: 'Requests by class' });
  await expect(legend).toContainText('1 success');
  await expect(legend).toContainText('1 client error');
  await chart.getByText('Numbers', { exact: true }).click();
  // A day in buckets of a quarter of an hour.
  expect(await chart.locator('tbody tr').count()).toBeGreaterThanOrEqual(96);
  await chart.locator('tbody tr').filter({ has: page.getByRole('cell', { name: '2', exact: true }) }).getByRole('link').click();
  await expect(page).toHaveURL(/\?from=\d{4}-\d\d-\d\dT\d\d:(00|15|30|45):00\.000Z&to=/);
  await expect(page.getByRole('status').filter({ hasText: /^2 requests / })).toBeVisible();
  await page.getByRole('link', { name: 'Earlier' }).click();
  await expect(page.getByText(/^2 requests in total, none /)).toBeVisible();
  await page.getByRole('link', { name: 'Zoom out' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^2 requests / })).toBeVisible();
  await legend.getByRole('link', { name: '1 client error' }).click();
  await expect(page).toHaveURL(/status=4xx/);
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
});

test('values are included, excluded and taken off by links, each with its number and its chip', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: '/v1/users/' }, { path: '/v1/orders/', init: { method: 'POST' } }]);
  await openWhenListed(page, company.path('logs'), /^3 requests /);
  await page.goto(company.path('logs?more=1'));
  await hydrated(page);
  const methods = page.getByRole('group', { name: 'Method', exact: true });
  await expect(methods.getByRole('link', { name: /^GET\s+2\s+requests$/ })).toBeVisible();
  await methods.getByRole('link', { name: /^POST\s+1/ }).click();
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
  await expect(methods.getByRole('link', { name: /^POST\s+1\s+request, included$/ })).toBeVisible();
  await methods.getByRole('link', { name: /^GET/ }).click();
  await expect(page).toHaveURL(/\?method=POST&method=GET$/);
  await expect(page.getByRole('status').filter({ hasText: /^3 requests / })).toBeVisible();
  await page.getByRole('link', { name: 'Remove the filter Method: POST' }).click();
  await methods.getByRole('link', { name: 'not Method GET' }).click();
  await expect(page).toHaveURL(/\?-method=GET$/);
  await expect(page.getByRole('link', { name: 'Remove the filter Method: not GET' })).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
});

test('the search line is a field of the form, and says which word is wrong', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: '/v1/no-such-thing/' }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  await page.getByText('More filters', { exact: true }).click();
  const line = page.getByLabel('Search', { exact: true });
  await line.fill('status:>=400 method:GET');
  await line.press('Enter');
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Remove the filter Method: GET' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Remove the filter Status: >=400' })).toBeVisible();
  // The address has each filter on its own, also where the server has read the line.
  await expect(page).toHaveURL(/\/logs\?status=%3E%3D400&method=GET$/);
  await line.fill('env:sandbox status:9xx');
  await line.press('Enter');
  await expect(page.getByText('status wants a class such as 5xx, a code, >=500 or unknown.')).toBeVisible();
  await expect(line).toHaveValue('env:sandbox status:9xx');
  await expect(line).toHaveAttribute('aria-invalid', 'true');
});

test('rows have one height, a plain number for success, and a badge and a tint for a failure', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: `/v1/${'long-'.repeat(60)}/` }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  const rows = page.locator('#requests tbody tr');
  for (const row of await rows.all()) {
    expect((await row.boundingBox())!.height).toBe(33);
    await expect(row.locator('td').last()).toHaveText(/^(< )?[\d,]+\.\d ms$/);
    await expect(row.locator('td').first()).toHaveText(/^\d+ \w{3} \d\d:\d\d:\d\d( UTC)? GET/);
  }
  const [good, bad] = [rows.filter({ hasText: '/v1/users/' }), rows.filter({ hasText: 'long-' })];
  await expect(good.locator('.badge.status')).toHaveCount(0);
  await expect(bad.locator('.badge.status')).toHaveText('404 Not found');
  const ground = (row: typeof good) => row.evaluate((row) => getComputedStyle(row).backgroundColor);
  expect(await ground(bad)).not.toBe(await ground(good));
});

test('the columns are where they were, whatever is in the rows', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: `/v1/${'long-'.repeat(60)}/`, init: { method: 'OPTIONS' } }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  const places = () => page.getByRole('columnheader').evaluateAll((heads) => heads.map((head) => head.getBoundingClientRect().x));
  const before = await places();
  const cells = page.locator('#requests tbody tr').first().locator('td');
  expect(await cells.evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().x))).toEqual(before);
  await page.goto(company.path('logs?path=users'));
  await hydrated(page);
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
  expect(await places()).toEqual(before);
});

test('on a phone the filters are folded, and the first row is near the top', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const { company } = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  const top = (await page.getByRole('heading', { level: 1 }).boundingBox())!.y;
  const row = (await page.locator('#requests tbody tr').first().boundingBox())!.y;
  expect(row - top).toBeLessThanOrEqual(300);
  // The first two set one that only *More filters* shows, whose values would fill the screen.
  for (const [query, chip] of [
    ['path=users&range=7d', /Path contains: users/],
    ['verdict=accepted&range=7d', /What happened:/],
    ['status=2xx&range=7d', /Status: 2xx/],
  ] as const) {
    await page.goto(company.path(`logs?${query}`));
    await hydrated(page);
    await expect(page.getByRole('link', { name: chip })).toBeVisible();
    expect((await page.locator('#requests tbody tr').first().boundingBox())!.y - top, query).toBeLessThanOrEqual(300);
  }
  await expect(page.getByLabel('Status', { exact: true })).toBeHidden();
  await page.goto(company.path('logs?from=2026-01-05T12:00:00Z&to=2099-01-05T13:00:00Z&status=2xx&brand=own&path=users'));
  await hydrated(page);
  await expectNoSidewaysScroll(page);
  const [clear, chip] = [page.getByRole('link', { name: 'Clear', exact: true }), page.getByRole('link', { name: /Date range/ })];
  expect((await clear.boundingBox())!.x + (await clear.boundingBox())!.width, 'it covers no chip').toBeLessThanOrEqual((await chip.boundingBox())!.x);
  const fold = page.getByRole('checkbox', { name: 'Filters' });
  await fold.focus();
  await page.keyboard.press('Space');
  await expect(page.getByRole('combobox', { name: 'Status' })).toBeVisible();
  await page.locator('label[for="show-filters"]').click();
  await expect(page.getByRole('combobox', { name: 'Status' })).toBeHidden();
});

test('the page of a request shows headers and bodies but no secret', async ({ page }) => {
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  const init = { method: 'POST', body: '{"name":"Ana","password":"hunter2"}', headers: { 'Content-Type': 'application/json' } };
  const { company, secret } = await withCalls(page, [{ path: '/v1/orders/', init }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await page.getByRole('row').filter({ hasText: '/v1/orders/' }).getByRole('link').click();
  const request = page.getByRole('region', { name: 'Request', exact: true });
  await expect(request.locator('.facts__row').filter({ hasText: /x-access-secret/i })).toContainText('redacted');
  await expect(request.getByRole('group', { name: 'Request body' })).toContainText('"name": "Ana"');
  await expect(page.getByRole('region', { name: 'Response', exact: true }).getByRole('group', { name: 'Response body' })).toBeVisible();
  const content = await page.content();
  expect(content).not.toContain('hunter2');
  expect(content).not.toContain(secret.slice(8));
  await expect(page.getByRole('group', { name: 'curl' })).toContainText('X-Access-Secret: $SECRET');
});

test('the page of a request leads to those beside it in the list it was opened from', async ({ page }) => {
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  const { company } = await withCalls(page, ['/v1/users/?at=1', '/v1/no-such-thing/', '/v1/users/?at=2', '/v1/users/?at=3'].map((path) => ({ path })));
  await openWhenListed(page, company.path('logs'), /^4 requests /);
  await page.goto(company.path('logs?path=/v1/users/'));
  await hydrated(page);
  await page.getByRole('row').filter({ hasText: '/v1/users/?at=2' }).getByRole('link').click();
  const heading = page.getByRole('heading', { level: 1 });
  const beside = page.getByRole('navigation', { name: 'Requests beside this one' });
  await beside.getByRole('link', { name: 'Next request' }).click();
  await expect(heading).toHaveText('GET /v1/users/?at=1');
  await expect(beside.getByRole('link')).toHaveText(['Previous request']);
  await beside.getByRole('link', { name: 'Previous request' }).click();
  await expect(heading).toHaveText('GET /v1/users/?at=2');
  await beside.getByRole('link', { name: 'Previous request' }).click();
  await expect(heading).toHaveText('GET /v1/users/?at=3');
  await expect(beside.getByRole('link')).toHaveText(['Next request']);
  await page.getByRole('main').getByRole('link', { name: 'Logs', exact: true }).click();
  await expect(page).toHaveURL(/\/logs\?path=\/v1\/users\/$/);
});

test('a request with a deleted key says which key it was and who deleted it', async ({ page }) => {
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  const { company } = await withCalls(page, []);
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  admin(['delete-key', '--key-id', keyId]);
  expect((await call(company, secret)).status).toBe(401);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  const row = page.getByRole('row').filter({ hasText: 'Deleted key' });
  await expect(row).toContainText('401 Unauthorized');
  await row.getByRole('link').click();
  const verdict = page.getByRole('region', { name: 'What happened' });
  await expect(verdict).toContainText(/Refused: the key ending in \w{4} was deleted by .*command line.* before this request\./);
  await expect(page.getByRole('region', { name: 'Timing' })).toContainText('the request was not passed on to the API');
  await expect(page.getByText('No headers or bodies were stored')).toBeVisible();
});

test('the address is the filter, and the page says which parts were ignored', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: '/v1/no-such-thing/' }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  await page.goto(company.path('logs?path=no-such&environment=moon'));
  await hydrated(page);
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
  await expect(page.getByText('environment must be one of sandbox, dev, prod.')).toBeVisible();
  await expect(page.getByLabel('Path contains', { exact: true })).toHaveValue('no-such');
  await page.getByRole('link', { name: 'Remove the filter Path contains: no-such' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^2 requests / })).toBeVisible();
});

test('when nothing matches the page says how many requests there are without filters', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await page.goto(company.path('logs?status=418'));
  await expect(page.getByRole('heading', { name: 'No requests match' })).toBeVisible();
  await expect(page.getByText('Without filters there is 1 request in the last 24 hours.')).toBeVisible();
  await page.getByRole('link', { name: 'Clear filters' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^1 request / })).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`${company.path('logs')}$`));
});

test('when the date range is empty the page says how many requests there are in all', async ({ page }) => {
  const { company } = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, company.path('logs'), /^1 request /);
  await page.goto(company.path('logs?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z'));
  await expect(page.getByText(/^1 request in total, none /)).toBeVisible();
});

test('a request that is not this company’s is not found', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const other = await withCalls(page, [{ path: '/v1/users/' }]);
  await openWhenListed(page, other.company.path('logs'), /^1 request /);
  const href = (await page.locator('.row-link').first().getAttribute('href'))!;
  const company = makeCompany();
  await page.context().clearCookies();
  await signIn(page, company);
  const answer = await page.goto(company.path(`logs/${href.split('/').at(-1)}`));
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
});

test('the list, a request and an empty log are accessible and never wider than the window', async ({ page }) => {
  test.slow();
  const { company } = await withCalls(page, [{ path: '/v1/users/' }, { path: `/v1/${'long-'.repeat(30)}/` }]);
  await openWhenListed(page, company.path('logs'), /^2 requests /);
  const entry = (await page.locator('.row-link').first().getAttribute('href'))!;
  for (const address of [company.path('logs?status=4xx&range=7d'), company.path('logs?status=418'), company.path('logs?method=GET&q=status:9xx'), company.path('logs'), entry]) {
    for (const width of [1440, 390, 360]) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(address);
      await hydrated(page);
      await expectNoSidewaysScroll(page);
    }
    // The checker is itself a script.
    for (const colorScheme of test.info().project.use.javaScriptEnabled === false ? [] : (['light', 'dark'] as const)) {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page);
    }
  }
});
