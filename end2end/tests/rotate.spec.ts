// Replacing a key from the page alone, with and without scripts, while a program calls.
import { call, expect, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';

test('a key is replaced from the page, and no call is lost', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret: old } = makeKey(company, 'sandbox');
  expect((await call(company, old)).status).toBe(200);
  await signIn(page, company);
  await page.getByRole('link', { name: `Rotate the Sandbox key ending ${old.slice(-4)}` }).click();
  await expect(page.getByRole('heading', { name: `Rotate the Sandbox key ending ${old.slice(-4)}` })).toBeVisible();
  await expect(page.getByText('Longest pause last week')).toBeVisible();
  await page.getByRole('button', { name: 'Make the new key' }).click();

  await expect(page.getByRole('heading', { name: `Rotation of the Sandbox key ending ${old.slice(-4)}` })).toBeVisible();
  await page.getByRole('button', { name: /^Reveal Sandbox key ending / }).click();
  const secret = /sandbox-[0-9a-f]{40}/;
  const fresh = (await page.getByText(secret).first().textContent())!.match(secret)![0];
  expect(fresh).not.toBe(old);
  expect((await call(company, old)).status).toBe(200);
  await page.goto(company.path('keys'));
  await page.getByRole('link', { name: `Go on with the rotation of the Sandbox key ending ${old.slice(-4)}` }).click();
  await expect(page.getByText('It cannot be deleted now: no request has used the new key.')).toBeVisible();
  await expect(page.getByRole('button', { name: /Delete the key ending/ })).toHaveCount(0);
  await expect(page.getByRole('cell', { name: '127.0.0.1' })).toBeVisible();

  await page.getByRole('button', { name: 'Cancel the rotation' }).click();
  await expect(page.getByText('This rotation is cancelled.')).toBeVisible();
  await page.getByLabel('In 24 hours').check();
  await page.getByRole('button', { name: 'Resume the rotation' }).click();
  await expect(page.getByText('Both keys work.', { exact: true })).toBeVisible();

  expect((await call(company, fresh)).status).toBe(200);
  await expect(async () => {
    await page.goto(company.path(`keys/${keyId}/rotate`));
    await expect(page.getByText(/The old key is deleted on/)).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByText(`Delete the key ending ${old.slice(-4)} now…`).click();
  await expect(page.getByText(/^It was used .* ago, from 127.0.0.1/)).toBeVisible();
  await page.getByRole('button', { name: `Delete the key ending ${old.slice(-4)} now` }).click();
  await expect(page.getByText('The rotation has ended.')).toBeVisible();
  expect((await call(company, old)).status).toBe(401);
  expect((await call(company, fresh)).status).toBe(200);
});

test('where two keys are active the page says why it cannot', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  const other = makeKey(company, 'sandbox').secret.slice(-4);
  await signIn(page, company);
  await page.goto(company.path(`keys/${keyId}/rotate`));
  await expect(page.getByText(`Two keys are active in Sandbox: this one and the one ending in ${other}.`)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Make the new key' })).toHaveCount(0);
});

test('a viewer watches and changes nothing', async ({ page }) => {
  const company = makeCompany('viewer');
  const { key_id: keyId } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await page.goto(company.path(`keys/${keyId}/rotate`));
  await expect(page.getByText('Longest pause last week')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Make the new key' })).toHaveCount(0);
});
