// A link to a list with a request open beside it, before its WASM arrives or without it.
import { call, expect, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, openWhenItHas, signIn, startSession, test } from '../fixtures/gatehouse.ts';

test('the open request is beside the list, over it on a phone, and Close leads to the list with its filter', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const init = { method: 'POST', body: '{"name":"Ana","lines":[{"sku":"a"}]}', headers: { 'Content-Type': 'application/json' } };
  await (await call(company, secret, '/v1/orders/', init)).arrayBuffer();
  await startSession(page, company);
  await openWhenItHas(page, company.path('logs'), /^1 request /);
  const request = (await page.locator('.row-link').getAttribute('href'))!.split('/').at(-1);
  await page.goto(company.path(`logs?method=POST&open=${request}`));
  await hydrated(page);
  const drawer = page.getByRole('complementary', { name: 'Request' });
  await expect(drawer).toContainText('Accepted: the API returned 201 Created');
  await expect(page.locator('.row-link')).toHaveAttribute('aria-current', 'true');
  await expect(page.getByRole('link', { name: 'Remove the filter Method: POST' })).toBeVisible();
  const [list, beside] = [(await page.locator('#requests').boundingBox())!, (await drawer.boundingBox())!];
  expect(list.x + list.width).toBeLessThanOrEqual(beside.x);
  // JSON folds without scripts.
  const body = drawer.getByRole('group', { name: 'Request body' });
  await expect(body).toContainText('"sku": "a"');
  await body.locator('summary').first().click();
  await expect(body.getByText('"name": "Ana"')).toBeHidden();
  await expect(body.locator('summary').first()).toContainText('2 items }');

  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  const covering = (await drawer.boundingBox())!;
  expect([covering.x, covering.y, covering.width, covering.height]).toEqual([0, 0, 390, 844]);
  await drawer.getByRole('link', { name: 'Close' }).click();
  await expect(drawer).toHaveCount(0);
  await expect(page).toHaveURL(/\/logs\?method=POST$/);
});

test('what opens nothing is left alone', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  for (const open of ['', 'x', '%3Cimg%20src=x%3E', '0'.repeat(31)]) {
    const answer = await page.goto(company.path(`logs?open=${open}`));
    expect(answer?.status()).toBe(200);
    await expect(page.getByRole('complementary', { name: 'Request' })).toHaveCount(0);
    await expect(page.getByText('was ignored')).toHaveCount(0);
  }
});
