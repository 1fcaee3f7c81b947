// A key's own page where scripts are on: the secret with code that uses it, and forms that follow the key.
import {
  admin,
  call,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  hydrated,
  makeCompany,
  makeKey,
  signIn,
  startSession,
  test,
} from '../fixtures/gatehouse.ts';

test('reveal shows the secret with code that uses it, and hides both again', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  await page.getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(`SECRET=${secret}`)).toBeVisible();
  await expect(page.getByRole('group', { name: 'curl' })).toContainText(`X-Access-Secret: ${secret}`);
  await expectAccessible(page);
  await page.getByRole('button', { name: /^Hide/ }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  expect(await page.content()).not.toContain(secret);
});

test('a form follows what someone else saves, and keeps what is typed in another', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  await page.getByLabel('Requests a minute').fill('12');
  admin(['change-key', '--key-id', keyId, '--name', 'From elsewhere']);
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('From elsewhere');
  await expect(page.getByRole('heading', { level: 1, name: 'From elsewhere' })).toBeVisible();
  await expect(page.getByLabel('Requests a minute')).toHaveValue('12');
});

test('editing the networks takes back the confirmation', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await (await call(company, secret)).arrayBuffer();
  await signIn(page, company);
  await expect(async () => {
    await page.goto(company.path(`keys/${keyId}`));
    await expect(page.getByRole('table', { name: 'Addresses of the last 7 days' })).toBeVisible({ timeout: 500 });
  }).toPass();
  await hydrated(page);
  const form = page.getByRole('region', { name: 'Limits' });
  await form.getByLabel('Allowed networks').fill('192.0.2.0/24');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByRole('button', { name: 'Save anyway' })).toBeVisible();
  await expectAccessible(page);
  await form.getByLabel('Allowed networks').fill('198.51.100.0/24');
  await expect(form.getByRole('button', { name: 'Save anyway' })).toHaveCount(0);
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByText('This shuts out 1 address')).toBeVisible();
  expect((await call(company, secret)).status).toBe(200);
});

test('an expired key leaves room for a new one while the page is open', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await expect(page.getByText('2 of 2 active keys')).toBeVisible();
  admin(['change-key', '--key-id', keyId, '--expires-at', new Date(Date.now() + 3_000).toISOString()]);
  await expect(page.getByText('1 of 2 active keys')).toBeVisible({ timeout: 10_000 });
  await expect(page.locator(`tr[data-key="${keyId}"]`)).toContainText('Expired');
  await page.locator('tbody').filter({ hasText: 'Sandbox' }).getByRole('button', { name: 'Generate new key' }).click();
  await expect(page.getByRole('dialog', { name: 'New Sandbox key' })).toBeVisible();
});

test('a key is tested through the gateway, and the response is shown', async ({ page, expectedFaults }) => {
  expectedFaults.push('400');
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  const test = page.getByRole('region', { name: 'Test this key' });
  await test.getByRole('button', { name: 'Send request' }).click();
  await expect(test.locator('.key-tested')).toContainText(/200 OK after \d+ ms/);
  await expect(test.getByRole('group', { name: 'Response' })).toContainText('{');
  await test.getByLabel('Path').fill('elsewhere');
  await test.getByRole('button', { name: 'Send request' }).click();
  await expect(test.getByLabel('Path')).toHaveAccessibleDescription(/begins with one slash/);
  expect(await page.content()).not.toContain(secret);
  await test.getByRole('link', { name: 'Show in Logs' }).click();
  await expect(page.getByRole('heading', { level: 1, name: /^GET \/v1\/users\// })).toBeVisible();
  const production = makeKey(company, 'prod');
  await page.goto(company.path(`keys/${production.key_id}`));
  await hydrated(page);
  await expect(page.getByRole('region', { name: 'Secret' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Test this key' })).toHaveCount(0);
});

test('deleted keys are shown without a new document', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'dev');
  admin(['delete-key', '--key-id', keyId]);
  await signIn(page, company);
  await hydrated(page);
  await page.evaluate(() => ((globalThis as unknown as { marker: string }).marker = 'still here'));
  await page.getByRole('link', { name: 'Show deleted keys' }).click();
  await expect(page.getByRole('table', { name: 'Deleted keys, the latest first' })).toContainText('command line');
  await page.goBack();
  await expect(page.getByRole('table', { name: 'Deleted keys, the latest first' })).toHaveCount(0);
  expect(await page.evaluate(() => (globalThis as unknown as { marker: string }).marker)).toBe('still here');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the page of a key is accessible and fits a phone, ${colorScheme}`, async ({ page }) => {
    test.slow();
    const company = makeCompany();
    const { key_id: keyId, secret } = makeKey(company, 'sandbox');
    await (await call(company, secret)).arrayBuffer();
    await page.emulateMedia({ colorScheme });
    await signIn(page, company);
    for (const rest of [`keys/${keyId}`, 'keys/new?environment=prod', 'keys?deleted=1']) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(company.path(rest));
      await hydrated(page);
      await expectAccessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
  });
}
