// An edited form asks before it is left, however it is left.
import type { Page } from '@playwright/test';
import { expect, hydrated, makeCompany, makeKey, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import { startReceiver } from '../fixtures/receiver.ts';

/** Accepts or dismisses each dialog as told, and records its text. */
function answering(page: Page, leave: () => boolean): string[] {
  const asked: string[] = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.type() === 'beforeunload' ? 'beforeunload' : dialog.message());
    void (leave() ? dialog.accept() : dialog.dismiss());
  });
  return asked;
}

const QUESTION = 'Leave without saving? Your changes will be lost.';

async function atForm(page: Page): Promise<Company> {
  const company = makeCompany();
  makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path('webhooks'));
  await hydrated(page);
  await page.getByRole('link', { name: 'Add your first webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Add webhook' })).toBeVisible();
  return company;
}

test('an edited form asks before a link, before Back and before the tab is closed', async ({ page }) => {
  let leave = false;
  const asked = answering(page, () => leave);
  const company = await atForm(page);
  await page.getByLabel('Name').fill('Orders');

  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Logs' }).click();
  await expect.poll(() => asked).toEqual([QUESTION]);
  await page.getByRole('link', { name: 'Cancel' }).click();
  await expect.poll(() => asked).toEqual([QUESTION, QUESTION]);
  await page.evaluate(() => history.back());
  await expect.poll(() => asked).toEqual([QUESTION, QUESTION, QUESTION]);
  await expect(page).toHaveURL(new RegExp(`${company.path('webhooks/new')}$`));
  await page.close({ runBeforeUnload: true });
  await expect.poll(() => asked.at(-1)).toBe('beforeunload');
  await expect(page.getByLabel('Name')).toHaveValue('Orders');

  leave = true;
  await page.evaluate(() => history.back());
  await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`${company.path('webhooks')}$`));
});

test('an unchanged or saved form does not ask', async ({ page }) => {
  const asked = answering(page, () => true);
  await atForm(page);
  const receiver = await startReceiver();
  const name = page.getByLabel('Name');
  await name.fill('Orders');
  await name.fill('');
  await page.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
  await page.getByRole('link', { name: 'Add your first webhook' }).click();
  await name.fill('Orders');
  await page.getByLabel('URL').fill(receiver.url);
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders' })).toBeVisible();
  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Logs' })).toBeVisible();
  expect(asked).toEqual([]);
  await receiver.close();
});

test('every kind of change counts: the environment, all or some events, one event', async ({ page }) => {
  let leave = false;
  const asked = answering(page, () => leave);
  await atForm(page);
  for (const change of [
    () => page.getByRole('radio', { name: /Development/ }).check(),
    () => page.getByRole('radio', { name: /Selected events/ }).check(),
  ]) {
    await change();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await expect.poll(() => asked.length).toBe(1);
    leave = true;
    await page.getByRole('link', { name: 'Cancel' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
    await page.getByRole('link', { name: 'Add your first webhook' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Add webhook' })).toBeVisible();
    leave = false;
    asked.length = 0;
  }
});
