// Checks the pages that no other spec covers: axe finds no fault in light or dark, and no page is wider than a phone.
import { enterDemo, expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';
import { startReceiver } from '../fixtures/receiver.ts';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every remaining page is accessible and fits a phone, ${colorScheme}`, async ({ page, expectedFaults }) => {
    test.slow();
    expectedFaults.push('404');
    const company = makeCompany();
    const { key_id: keyId, secret } = makeKey(company, 'prod');
    const receiver = await startReceiver();
    const created = await fetch(`${process.env.GATEHOUSE_GATEWAY}/v1/webhooks/`, {
      method: 'POST',
      headers: { 'X-Access-Client-Id': company.clientId, 'X-Access-Secret': secret, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'Orders', webhook_url: receiver.url, env_type: 'prod' }),
    });
    const { id: webhook } = (await created.json()) as { id: string };
    await page.emulateMedia({ colorScheme });
    await signIn(page, company);
    for (const address of [
      company.path(`keys/${keyId}/delete`),
      company.path(`webhooks/${webhook}/edit`),
      company.path(`webhooks/${webhook}/delete`),
      '/no-such-page',
    ]) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(address);
      await hydrated(page);
      await expectAccessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      await expectNoSidewaysScroll(page);
    }
    await receiver.close();
  });

  test(`the page with all components is accessible, ${colorScheme}`, async ({ page }) => {
    test.slow();
    await page.emulateMedia({ colorScheme });
    await enterDemo(page, 'Viewer');
    await page.goto('/design');
    await hydrated(page);
    await expect(page.getByRole('heading', { level: 1, name: 'Design' })).toBeVisible();
    await expectAccessible(page);
  });
}
