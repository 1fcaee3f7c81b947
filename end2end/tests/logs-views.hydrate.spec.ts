// Views with scripts: saved and deleted without leaving the page.
import { expect, hydrated, makeCompany, signIn, startSession, test } from '../fixtures/gatehouse.ts';

test('saving, renaming and deleting a view stays on the page, says so, and keeps the focus near', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  // Not a page that the server rendered: what is folded is asked for when it is opened.
  await page.getByRole('link', { name: 'Logs', exact: true }).click();
  await page.waitForURL(/\/logs$/);
  await hydrated(page);
  await page.evaluate(() => ((globalThis as unknown as { stays: boolean }).stays = true));
  await page.getByText('Saved views', { exact: true }).click();
  await page.getByLabel('Status', { exact: true }).selectOption('5xx');
  await page.waitForURL(/status=5xx/);
  await page.getByLabel('Name', { exact: true }).fill('Outages');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').filter({ hasText: 'Saved “Outages”.' })).toBeVisible();
  const outages = page.getByRole('link', { name: 'Outages', exact: true });
  await expect(outages).toHaveAttribute('href', /logs\?status=5xx$/);
  await expect(page.locator('#views')).toBeFocused();
  await page.getByLabel('Status', { exact: true }).selectOption('');
  await expect(outages).not.toHaveAttribute('aria-current');
  await outages.click();
  await expect(page.getByLabel('Status', { exact: true })).toHaveValue('5xx');
  await expect(outages).toHaveAttribute('aria-current', 'true');
  await expect(page.getByText('Saved “Outages”.'), 'it was said of an earlier moment').toHaveCount(0);
  await page.getByText('Rename… Outages').click();
  await page.getByLabel('New name', { exact: true }).fill(' Failures ');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').filter({ hasText: 'Renamed to “Failures”.' })).toBeVisible();
  await expect(page.locator('#views')).toBeFocused();
  const failures = page.getByRole('link', { name: 'Failures', exact: true });
  await expect(failures).toHaveAttribute('href', /logs\?status=5xx$/);
  await expect(outages).toHaveCount(0);
  const remove = page.getByRole('button', { name: 'Delete Failures' });
  await expect(remove).toBeHidden();
  await page.getByText('Delete… Failures').click();
  await remove.click();
  await expect(page.getByRole('status').filter({ hasText: 'Deleted.' })).toBeVisible();
  await expect(failures).toHaveCount(0);
  expect(await page.evaluate(() => (globalThis as unknown as { stays?: boolean }).stays)).toBe(true);
});

test('what was typed and chosen in a folded panel is kept, with the focus, when the page asks for it again', async ({ page }) => {
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  let drawn = 0;
  // The answers are late, so that the reader types before they come.
  await page.route('**/rpc/logs/draw*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    await route.continue();
    drawn += 1;
  });
  await page.getByText('Saved views', { exact: true }).click();
  await page.getByText('Export…', { exact: true }).click();
  const name = page.getByLabel('Name', { exact: true });
  await page.getByLabel('JSON Lines (for programs)').check();
  await page.getByLabel('Status', { exact: true }).selectOption('5xx');
  await page.waitForURL(/status=5xx/);
  await name.pressSequentially('Out');
  const hidden = page.locator('input[type=hidden][name=filter]');
  await expect(hidden, 'the panel was drawn anew').toHaveValue(/status=5xx/);
  expect(drawn).toBeGreaterThan(0);
  await page.keyboard.type('ages');
  await expect(name).toHaveValue('Outages');
  await expect(name).toBeFocused();
  await expect(page.getByLabel('JSON Lines (for programs)')).toBeChecked();
});

test('a name that does not fit is refused in words', async ({ page, expectedFaults }) => {
  expectedFaults.push('rpc/logs/save_view');
  const company = makeCompany();
  await startSession(page, company);
  await page.goto(company.path('logs'));
  await hydrated(page);
  await page.getByText('Saved views', { exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('x'.repeat(61));
  await page.getByRole('button', { name: 'Save this view' }).click();
  await expect(page.getByText('Use 1 to 60 characters for the name.')).toBeVisible();
});
