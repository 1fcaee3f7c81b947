// A key's own page, with and without scripts.
import { call, expect, hydrated, makeCompany, makeKey, makeMember, signIn, startSession, test } from '../fixtures/gatehouse.ts';

test('the row of a key leads to its page, which says how it is used', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await (await call(company, secret)).arrayBuffer();
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('link', { name: `Key ending ${secret.slice(-4)}`, exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${company.path(`keys/${keyId}`)}$`));
  await expect(page.getByRole('heading', { level: 1, name: `Sandbox key ending ${secret.slice(-4)}` })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('1 request in the last 24 hours')).toBeVisible({ timeout: 500 });
  }).toPass();
  await hydrated(page);
  await expect(page.getByRole('img', { name: /^Requests in each half hour/ })).toBeVisible();
  await expect(page.getByRole('link', { name: 'GET /v1/users/' })).toBeVisible();
  await expect(page.getByRole('table', { name: 'Addresses of the last 7 days' })).toContainText('127.0.0.1');
  expect(await page.content()).not.toContain(secret);
  await page.getByRole('link', { name: 'Show in Logs' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Logs' })).toBeVisible();
  await expect(page.locator('.row-link')).toHaveCount(1);
});

test('a name and a note are saved and shown where the key is named', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'dev');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  const form = page.getByRole('region', { name: 'Name and note' });
  await form.getByLabel('Name').fill('Nightly <b>');
  await form.getByLabel('Note').fill('Runs at two.\nAsk Ana.');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Name and note saved.').first()).toBeVisible();
  await expect(page.getByRole('heading', { level: 1, name: 'Nightly <b>' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Key', exact: true })).toContainText('Ask Ana.');
  await page.goto(company.path('keys'));
  await expect(page.getByRole('link', { name: 'Nightly <b>', exact: true })).toBeVisible();
  await expect(page.getByRole('link', { name: `Delete Development key ending ${secret.slice(-4)} (Nightly <b>)` })).toBeVisible();
});

test('what is wrong with a form is said beside its field, and what was entered stays', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  const form = page.getByRole('region', { name: 'Limits' });
  await form.getByLabel('Allowed networks').fill('10.0.0.1/8');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByLabel('Allowed networks')).toHaveAccessibleDescription(/has bits after its prefix/);
  await expect(form.getByLabel('Allowed networks')).toHaveValue('10.0.0.1/8');
  await form.getByLabel('Allowed networks').fill('10.0.0.0/8');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Limits saved. They are in force on every node.').first()).toBeVisible();
});

test('an allow-list names the addresses that it would shut out, and is saved anyway only on request', async ({ page }) => {
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
  await expect(form.getByText('This shuts out 1 address that used the key in the last 7 days.')).toBeVisible();
  await expect(form.getByRole('listitem')).toContainText('127.0.0.1: 1 request');
  expect((await call(company, secret)).status).toBe(200);
  await form.getByRole('button', { name: 'Save anyway' }).click();
  await expect(page.getByText('Limits saved. They are in force on every node.').first()).toBeVisible();
  expect((await call(company, secret)).status).toBe(403);
});

test('a read-only key with a scheduled deletion shows both, and the deletion can be called off', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  const limits = page.getByRole('region', { name: 'Limits' });
  await limits.getByLabel('Read-only').check();
  await limits.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Limits saved. They are in force on every node.').first()).toBeVisible();
  expect((await call(company, secret, '/v1/users/', { method: 'POST' })).status).toBe(403);
  const deletion = page.getByRole('region', { name: 'Scheduled deletion' });
  await deletion.getByLabel('Delete').selectOption('In 24 hours');
  await deletion.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Scheduled deletion saved. It is in force on every node.').first()).toBeVisible();
  const facts = page.getByRole('region', { name: 'Key', exact: true });
  await expect(facts).toContainText('Only GET, HEAD and OPTIONS');
  await expect(facts).toContainText('Will be deleted');
  await expect(deletion.getByLabel('Delete')).toHaveValue('at');
  await page.goto(company.path('keys'));
  await expect(page.getByText('A key ends')).toBeVisible();
  await expect(page.getByText(/will be deleted .+It is the last key of Sandbox/)).toBeVisible();
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  await deletion.getByLabel('Delete').selectOption('Not scheduled');
  await deletion.getByRole('button', { name: 'Save' }).click();
  await expect(facts).not.toContainText('Will be deleted');
});

test('a Viewer sees what was set and no form', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  const viewer = makeMember(company, 'viewer');
  await startSession(page, viewer);
  await page.goto(company.path(`keys/${keyId}`));
  await hydrated(page);
  await expect(page.getByText('Never used')).toBeVisible();
  await expect(page.getByRole('main').getByRole('button')).toHaveCount(0);
});

test('a Production key gets its name first', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  await hydrated(page);
  await page.locator('tbody').filter({ hasText: 'Production' }).getByRole('button', { name: 'Generate new key' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'New Production key' })).toBeVisible();
  await expect(page).toHaveURL(/keys\/new\?environment=prod$/);
  await page.getByLabel('Name').fill('Billing server');
  await page.getByRole('button', { name: 'Generate key' }).click();
  const secret = await page.getByText(/^prod-[0-9a-f]{40}$/).first().textContent();
  expect((await call(company, secret!)).status).not.toBe(401);
  await page.goto(company.path('keys'));
  await expect(page.getByRole('link', { name: 'Billing server', exact: true })).toBeVisible();
});

test('deleted keys are folded, and say who deleted them and who still sends them', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  await startSession(page, company);
  await page.goto(company.path(`keys/${keyId}/delete`));
  await page.getByRole('button', { name: 'Delete key' }).click();
  await expect(page.getByText(/has been rejected since|0 of 2 active keys/).first()).toBeVisible();
  expect((await call(company, secret)).status).toBe(401);
  await page.goto(company.path('keys'));
  await hydrated(page);
  await expect(page.getByText(company.email, { exact: true })).toHaveCount(1);
  await page.getByRole('link', { name: 'Show deleted keys' }).click();
  const table = page.getByRole('table', { name: 'Deleted keys, the latest first' });
  await expect(table.getByRole('row').filter({ hasText: secret.slice(-4) })).toContainText(company.email);
  await expect(async () => {
    await page.goto(company.path('keys?deleted=1'));
    await expect(table).toContainText(/1 request refused, last .+ from 127\.0\.0\.1/, { timeout: 500 });
  }).toPass();
  await page.getByRole('link', { name: 'Hide deleted keys' }).click();
  await expect(table).toHaveCount(0);
});
