// Views of the Logs page under names of one's own, before its WASM arrives or without it.
import { expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, signIn, test } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await hydrated(page);
}

async function save(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Save this view' }).click();
  await expect(page.getByRole('link', { name, exact: true })).toHaveAttribute('aria-current', 'true');
}

test('a view is saved under a name, opened, replaced, renamed and deleted', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  await open(page, company.path('logs?range=7d&status=5xx'));
  const views = page.getByText('Saved views', { exact: true });
  await views.click();
  await expect(page.getByText('Only you see your views.')).toBeVisible();
  await save(page, 'Outages');
  await open(page, company.path('logs?status=4xx'));
  await views.click();
  const outages = page.getByRole('link', { name: 'Outages', exact: true });
  await expect(outages).not.toHaveAttribute('aria-current');
  await outages.click();
  await page.waitForURL(/logs\?range=7d&status=5xx$/);
  await expect(page.getByLabel('Date range', { exact: true })).toHaveValue('7d');
  await open(page, company.path('logs?range=1h'));
  await views.click();
  await save(page, 'Outages');
  await expect(page.getByRole('link', { name: 'Outages', exact: true })).toHaveCount(1);
  await page.getByText('Rename… Outages').click();
  const name = page.getByLabel('New name', { exact: true });
  await expect(name).toHaveValue('Outages');
  await name.fill('Last hour');
  await page.getByRole('button', { name: 'Rename Outages' }).click();
  await expect(page.getByRole('link', { name: 'Last hour', exact: true })).toHaveAttribute('aria-current', 'true');
  await expect(outages).toHaveCount(0);
  const remove = page.getByRole('button', { name: 'Delete Last hour' });
  await expect(remove).toBeHidden();
  await page.getByText('Delete… Last hour').click();
  await remove.click();
  await expect(page.getByText('Only you see your views.')).toBeVisible();
});

test('the views are accessible and fit a phone', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  await open(page, company.path('logs?status=4xx'));
  await page.getByText('Saved views', { exact: true }).click();
  await save(page, 'A view with a name that is as long as the names of views are');
  await page.getByText(/^Rename… A view/).click();
  for (const colorScheme of test.info().project.use.javaScriptEnabled === false ? [] : (['light', 'dark'] as const)) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});
