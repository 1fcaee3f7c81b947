// The help pages: what they show about the reader, and that every link leads somewhere.
import { enterDemo, expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, startSession, test } from '../fixtures/gatehouse.ts';

const PAGES = ['authentication', 'webhook-events', 'api-keys-rotation', 'security', 'forward-auth'];

test('help shows the reader’s own Client ID and gateway address', async ({ page }) => {
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await page.getByRole('region', { name: 'Next steps' }).getByRole('link', { name: 'Authentication' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Authentication' })).toBeVisible();
  const sample = page.getByRole('group', { name: 'curl' });
  await expect(sample).toContainText(company.clientId);
  await expect(sample).toContainText(process.env.GATEHOUSE_GATEWAY!);
});

test('help can be read without an account', async ({ page }) => {
  await page.goto('/docs/authentication');
  await expect(page.getByRole('group', { name: 'curl' })).toContainText('YOUR_CLIENT_ID');
});

test('a help page that does not exist is not found', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const answer = await page.goto('/docs/billing');
  expect(answer?.status()).toBe(404);
});

test('every link on the help pages and the tabs leads to an existing page and section', async ({ page }) => {
  test.slow();
  await enterDemo(page, 'Owner');
  const tabs = await page.getByRole('navigation', { name: 'Development' }).getByRole('link').evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href));
  const open = [...tabs, ...PAGES.map((name) => new URL(`/docs/${name}`, tabs[0]).href), new URL('/design', tabs[0]).href];
  const targets = new Set<string>();
  for (const address of open) {
    await page.goto(address);
    const links = page.locator(address.includes('/docs/') ? 'a[href]' : '.next-steps a[href^="/"]');
    for (const href of await links.evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).href))) {
      targets.add(href);
    }
  }
  expect(targets.size).toBeGreaterThan(20);
  const parts = new Map<string, Set<string>>();
  for (const target of targets) {
    const [address, part] = target.split('#') as [string, string?];
    if (!parts.has(address)) {
      const answer = await page.request.get(address);
      expect(answer.status(), address).toBe(200);
      parts.set(address, new Set([...(await answer.text()).matchAll(/ id="?([\w-]+)/g)].map((match) => match[1]!)));
    }
    if (part !== undefined) {
      expect([...parts.get(address)!], target).toContain(part);
    }
  }
});

test('help is accessible and never wider than the window', async ({ page }) => {
  test.slow();
  for (const name of PAGES) {
    for (const width of [1440, 390, 360]) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(`/docs/${name}`);
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
