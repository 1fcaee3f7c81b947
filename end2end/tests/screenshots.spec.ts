// The pictures in the README. `cargo xtask screenshots` saves them in docs/images.
import path from 'node:path';
import { enterDemo, expect, hydrated, test } from '../fixtures/gatehouse.ts';

const folder = process.env.GATEHOUSE_SCREENSHOTS ?? 'test-results';

test('screenshots of the three tabs', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await enterDemo(page, 'Owner');
  for (const [file, tab] of [['keys', 'API Keys'], ['logs', 'Logs'], ['webhooks', 'Webhooks']] as const) {
    await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: tab }).click();
    await expect(page.getByRole('heading', { level: 1, name: tab })).toBeVisible();
    await hydrated(page);
    await expect(page.getByRole('row').nth(2)).toBeVisible();
    await page.screenshot({ path: path.join(folder, `${file}.png`), animations: 'disabled' });
  }
});
