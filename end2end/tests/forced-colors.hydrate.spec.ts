// With forced colours, a state that is otherwise shown by a colour or background must be shown in another way.
import type { Locator } from '@playwright/test';
import { call, expect, expectAccessible, hydrated, makeCompany, makeKey, startSession, test } from '../fixtures/gatehouse.ts';

const edge = (element: Locator) => element.evaluate((element) => getComputedStyle(element).borderBlockEndColor);
const ground = (element: Locator) => element.evaluate((element) => getComputedStyle(element).backgroundColor);

for (const colorScheme of ['light', 'dark'] as const) {
  test(`only the current tab is marked, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ forcedColors: 'active', colorScheme });
    const company = makeCompany();
    makeKey(company, 'sandbox');
    await startSession(page, company);
    await page.goto(company.path('webhooks'));
    await hydrated(page);
    const canvas = await ground(page.locator('body'));
    const tabs = page.getByRole('navigation', { name: 'Development' }).getByRole('link');
    await expect(tabs).toHaveCount(3);
    for (const tab of await tabs.all()) {
      const isCurrent = (await tab.getAttribute('aria-current')) === 'page';
      expect((await edge(tab)) !== canvas, await tab.innerText()).toBe(isCurrent);
    }
    await expectAccessible(page);
  });
}

test('what is selected, switched on or focused is visible', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active' });
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await (await call(company, secret)).arrayBuffer();
  await startSession(page, company);
  await page.goto('/docs/authentication');
  await hydrated(page);
  const outline = (element: Locator) => element.evaluate((element) => getComputedStyle(element).outlineStyle);
  const chosen = page.locator('.snippets__tab:has(:checked)').first();
  const other = page.locator('.snippets__tab:not(:has(:checked))').first();
  expect([await outline(chosen), await outline(other)]).toEqual(['solid', 'none']);
  await page.goto(company.path('webhooks/new'));
  await hydrated(page);
  const name = page.getByLabel('Name');
  await name.focus();
  expect(await outline(name)).toBe('solid');
  const option = page.locator('.choice:has(:checked)').first();
  const rest = page.locator('.choice:not(:has(:checked))').first();
  expect(await edge(option)).not.toBe(await edge(rest));
});
