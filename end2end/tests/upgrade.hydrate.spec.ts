// A page that was left open while the server was upgraded: the stream names another build, and calls that the new server
// does not know are answered with `outdated`.
import type { Page } from '@playwright/test';
import { expect, expectAccessible, hydrated, makeCompany, makeKey, setVisibility, signIn, test, type Company } from '../fixtures/gatehouse.ts';

const UPDATED = 'Gatehouse has been updated since you opened this page.';

/** At API Keys, with its live stream open. */
async function atKeys(page: Page): Promise<Company> {
  const company = makeCompany();
  makeKey(company, 'sandbox');
  const live = page.waitForResponse((response) => response.url().includes('/live/') && response.ok());
  await signIn(page, company);
  await hydrated(page);
  await live;
  return company;
}

test('a page that was left open over an upgrade offers to reload, and is up to date afterwards', async ({ page }) => {
  await atKeys(page);
  await page.route('**/live/*', (route) =>
    route.fulfill({ contentType: 'text/event-stream', body: 'event: build\ndata: gatehouse-of-tomorrow\n\n' }),
  );
  // A tab that is seen again opens its stream again.
  await setVisibility(page, 'hidden');
  await expect(page.getByText(UPDATED)).toHaveCount(0);
  await setVisibility(page, 'visible');
  await expect(page.getByText(UPDATED)).toBeVisible();
  await expect(page.getByRole('heading', { level: 1, name: 'API Keys' })).toBeVisible();
  await expectAccessible(page);

  await page.unroute('**/live/*');
  await page.evaluate(() => Object.assign(globalThis, { oldDocument: true }));
  const live = page.waitForResponse((response) => response.url().includes('/live/') && response.ok());
  await page.getByRole('link', { name: 'Reload' }).click();
  await live;
  await hydrated(page);
  expect(await page.evaluate(() => 'oldDocument' in globalThis)).toBe(false);
  await expect(page.getByText(UPDATED)).toHaveCount(0);
});

test('a call that the new server does not know says that Gatehouse has been updated, and offers to reload', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const company = await atKeys(page);
  // The server's own answer to a function of another build.
  await page.route('**/rpc/webhooks/list*', (route) =>
    route.continue({ url: route.request().url().replace('/rpc/webhooks/list', '/rpc/webhooks/list-of-yesterday') }),
  );
  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Webhooks' }).click();
  await expect(page.getByRole('heading', { name: 'Gatehouse has been updated' })).toBeVisible();
  await expect(page.getByText(`${UPDATED} Reload it to continue.`)).toBeVisible();
  await expect(page.getByRole('link', { name: 'Try again' })).toHaveCount(0);
  await expectAccessible(page);

  await page.unroute('**/rpc/webhooks/list*');
  await page.getByRole('link', { name: 'Reload' }).click();
  await expect(page.getByRole('heading', { name: 'No webhook yet' })).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`${company.path('webhooks')}$`));
});
