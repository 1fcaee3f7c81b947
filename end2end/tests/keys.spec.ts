// The API Keys tab before its WASM arrives, or without it.
import { call, expect, makeCompany, makeKey, signIn, startSession, test } from '../fixtures/gatehouse.ts';

test('the first render has the Client ID and every key, masked', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await expect(page.getByText(company.clientId, { exact: true }).first()).toBeVisible();
  await expect(page.getByText('1 of 2 active keys')).toBeVisible();
  await expect(page.getByText('0 of 2 active keys')).toHaveCount(2);
  expect(await page.content()).not.toContain(secret.slice(-8));
  expect(await page.content()).toContain(secret.slice(-4));
});

test('the tabs are links', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  for (const [name, rest] of [['Logs', 'logs'], ['Webhooks', 'webhooks'], ['API Keys', 'keys']] as const) {
    await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name }).click();
    await expect(page).toHaveURL(new RegExp(`${company.path(rest)}$`));
    await expect(page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name })).toHaveAttribute('aria-current', 'page');
  }
});

test('a key can be deleted on a page of its own, and is refused at once', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  expect((await call(company, secret)).status).toBe(200);
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}/delete`));
  await expect(page.getByText('Sandbox will have no active key, so every request will be refused.')).toBeVisible();
  // It is the last key, and there was a request.
  await page.getByLabel(`Type ${secret.slice(-4)} to delete`).fill(secret.slice(-4));
  await page.getByRole('button', { name: 'Delete key' }).click();
  expect((await call(company, secret)).status).toBe(401);
});

test('deleting in Production asks for the last four characters', async ({ page, expectedFaults }) => {
  expectedFaults.push('400');
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'prod');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}/delete`));
  const field = page.getByLabel(`Type ${secret.slice(-4)} to delete`);
  for (const wrong of ['', 'nope']) {
    await field.fill(wrong);
    await page.getByRole('button', { name: 'Delete key' }).click();
    await expect(page.getByText('type the last four characters of its secret')).toBeVisible();
    await page.goBack();
  }
  await field.fill(secret.slice(-4));
  await page.getByRole('button', { name: 'Delete key' }).click();
  await expect(page.getByRole('heading', { name: 'Key deleted' })).toBeVisible();
});
