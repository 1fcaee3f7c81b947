// Signing in and out, which works the same with and without scripts.
import { expect, hydrated, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';

test('a company page asks for sign-in first and then opens', async ({ page }) => {
  const company = makeCompany();
  await page.goto(company.path('logs'));
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel('E-mail').fill(company.email);
  await page.getByLabel('Password').fill(company.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(new RegExp(`${company.path('logs')}$`));
});

test('a wrong password and an unknown account get the same sentence', async ({ page }) => {
  const company = makeCompany();
  for (const [email, password] of [[company.email, 'wrong'], ['nobody@example.com', 'wrong']] as const) {
    await page.goto('/sign-in');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByText('Wrong e-mail address or password.')).toBeVisible();
  }
});

test('a wrong password keeps the e-mail and the destination, and focuses the password', async ({ page }) => {
  const company = makeCompany();
  await page.goto(company.path('logs?status=4xx'));
  await page.getByLabel('E-mail').fill(company.email);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await hydrated(page);
  await expect(page.getByLabel('E-mail')).toHaveValue(company.email);
  const password = page.getByLabel('Password');
  await expect(password).toHaveValue('');
  await expect(password).toBeFocused();
  await expect(password).toHaveAccessibleDescription('Wrong e-mail address or password.');
  await password.fill(company.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(new RegExp(`${company.path('logs')}\\?status=4xx$`));
});

test('the demo buttons lead to the requested page, and never to another site', async ({ page }) => {
  for (const [next, there] of [
    ['/docs/security', '/docs/security'],
    ['//evil.example/', '/development/keys'],
    ['/\\evil.example/', '/development/keys'],
    ['/.//evil.example/', '/development/keys'],
    ['https://evil.example/', '/development/keys'],
  ] as const) {
    // Otherwise the open page would notice that its session has ended.
    await page.goto('about:blank');
    await page.context().clearCookies();
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await page.getByRole('button', { name: 'Enter as Owner' }).click();
    await page.waitForURL((url) => url.pathname.endsWith(there));
    expect(new URL(page.url()).origin).toBe(process.env.GATEHOUSE_DASHBOARD);
  }
});

test('signing out ends the session', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  const cookies = await page.context().cookies();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  // Signing out also takes the cookie from the browser. Someone who kept a copy must not get in either.
  await page.context().addCookies(cookies);
  await page.goto(company.path('keys'));
  await expect(page).toHaveURL(/\/sign-in/);
});

test('another company is not found', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const [ours, theirs] = [makeCompany(), makeCompany()];
  await signIn(page, ours);
  const answer = await page.goto(theirs.path('keys'));
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Development' })).toHaveCount(0);
});

test('a Viewer sees keys but is offered no secret', async ({ page, expectedFaults }) => {
  expectedFaults.push('403');
  const company = makeCompany('viewer');
  const { secret, key_id: keyId } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await expect(page.getByRole('row').filter({ hasText: secret.slice(-4) })).toBeVisible();
  for (const name of ['Reveal', 'Copy Sandbox key', 'Generate new key']) {
    await expect(page.getByRole('button', { name })).toHaveCount(0);
  }
  await expect(page.getByRole('link', { name: /^Delete\b/ })).toHaveCount(0);
  await page.goto(company.path(`keys/${keyId}/delete`));
  await expect(page.getByRole('heading', { name: 'Not allowed' })).toBeVisible();
});
