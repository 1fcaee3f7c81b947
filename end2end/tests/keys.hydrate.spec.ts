// The API Keys tab with scripts: dialogs, the clipboard, reveal, and live updates.
import {
  call,
  expect,
  expectAccessible,
  expectNoSidewaysScroll,
  hydrated,
  makeCompany,
  makeKey,
  setVisibility,
  signIn,
  test,
} from '../fixtures/gatehouse.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('generate shows a dialog with the secret and a command that works', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  await hydrated(page);
  const sandbox = page.locator('tbody').filter({ hasText: 'Sandbox' });
  await sandbox.getByRole('button', { name: 'Generate new key' }).click();
  const dialog = page.getByRole('dialog', { name: 'New Sandbox key' });
  await expect(dialog).toBeVisible();
  const secret = (await dialog.getByText(/^sandbox-[0-9a-f]{40}$/).textContent())!;
  expect((await call(company, secret)).status).toBe(200);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText('1 of 2 active keys')).toBeVisible();
  expect(await page.content()).not.toContain(secret);
});

test('with two keys the button stays focusable and says why it is disabled', async ({ page }) => {
  const company = makeCompany();
  makeKey(company, 'dev');
  makeKey(company, 'dev');
  await signIn(page, company);
  await hydrated(page);
  const button = page.locator('tbody').filter({ hasText: 'Development' }).getByRole('button', { name: 'Generate new key' });
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await expect(button).toHaveAccessibleDescription('Two keys are active. Delete one first.');
  await button.focus();
  await expect(button).toBeFocused();
  await button.press('Enter');
  await expect(page.getByText('2 of 2 active keys')).toBeVisible();
});

test('reveal shows one secret at a time, hides it again, and does not resize the row', async ({ page }) => {
  const company = makeCompany();
  const first = makeKey(company, 'sandbox').secret;
  const second = makeKey(company, 'sandbox').secret;
  await signIn(page, company);
  await hydrated(page);
  const row = (secret: string) => page.getByRole('row').filter({ hasText: secret.slice(-4) });
  const before = await row(first).boundingBox();
  await row(first).getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(first, { exact: true })).toBeVisible();
  expect(await row(first).boundingBox()).toEqual(before);
  await row(second).getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(second, { exact: true })).toBeVisible();
  await expect(page.getByText(first, { exact: true })).toHaveCount(0);
  await row(second).getByRole('button', { name: /^Hide/ }).click();
  await expect(page.getByText(second, { exact: true })).toHaveCount(0);
});

test('a revealed secret hides after thirty seconds', async ({ page }) => {
  await page.clock.install();
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(secret, { exact: true })).toBeVisible();
  await page.clock.runFor(31_000);
  await expect(page.getByText(secret, { exact: true })).toHaveCount(0);
});

test('a revealed secret is hidden with its tab, and stays hidden when the tab is visible again', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(secret, { exact: true })).toBeVisible();
  await setVisibility(page, 'hidden');
  await expect(page.getByText(secret, { exact: true })).toHaveCount(0);
  await setVisibility(page, 'visible');
  await expect(page.getByRole('button', { name: /^Reveal/ })).toBeVisible();
  expect(await page.content()).not.toContain(secret);
});

test('a revealed secret is gone after leaving the page, even if the response arrives later', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  const tab = (name: string) => page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name });
  await page.getByRole('button', { name: /^Reveal/ }).click();
  await expect(page.getByText(secret, { exact: true })).toBeVisible();
  await tab('Logs').click();
  await expect(page.getByRole('heading', { level: 1, name: 'Logs' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('button', { name: /^Reveal/ })).toBeVisible();
  expect(await page.content()).not.toContain(secret);

  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/rpc/keys/reveal_key', async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('button', { name: /^Reveal/ }).click();
  await tab('Webhooks').click();
  await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
  const answered = page.waitForResponse('**/rpc/keys/reveal_key');
  release();
  await (await answered).finished();
  await tab('API Keys').click();
  await expect(page.getByRole('button', { name: /^Reveal/ })).toBeVisible();
  expect(await page.content()).not.toContain(secret);
});

test('the live stream is closed while the tab is hidden, and catches up afterwards', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  const opened: string[] = [];
  const closed: string[] = [];
  page.on('request', (request) => request.url().includes('/live/') && opened.push(request.url()));
  page.on('requestfailed', (request) => request.url().includes('/live/') && closed.push(request.url()));
  await signIn(page, company);
  await hydrated(page);
  await expect.poll(() => opened.length).toBe(1);
  await setVisibility(page, 'hidden');
  await expect.poll(() => closed.length).toBe(1);
  expect((await call(company, secret)).status).toBe(200);
  await setVisibility(page, 'visible');
  await expect(page.getByText(/ago from 127\.0\.0\.1|just now/)).toBeVisible();
  expect(opened.length).toBe(2);
});

test('copy writes the secret and never shows it', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  const shown: string[] = [];
  await page.exposeFunction('reportText', (text: string) => shown.push(text));
  await page.evaluate(() => {
    new MutationObserver(() => (globalThis as unknown as { reportText: (text: string) => void }).reportText(document.body.innerText)).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await page.getByRole('button', { name: /^Copy.*Sandbox key/ }).click();
  await expect(page.getByText(/^Sandbox key ending \w{4} copied$/)).toBeAttached();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.some((text) => text.includes(secret))).toBe(false);
});

test('a copy that is refused leaves the clipboard alone and says so', async ({ page, expectedFaults }) => {
  expectedFaults.push('503');
  const company = makeCompany();
  makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await page.evaluate(() => navigator.clipboard.writeText('what was there'));
  await page.route('**/rpc/keys/copy_key', (route) => route.fulfill({ status: 503, body: 'no' }));
  await page.getByRole('button', { name: /^Copy.*Sandbox key/ }).click();
  await expect(page.getByText(/Nothing was copied/)).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('what was there');
});

test('delete states the facts, focuses Cancel first, and takes effect at once', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  expect((await call(company, secret)).status).toBe(200);
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('link', { name: /^Delete Sandbox key/ }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Delete this key?' });
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog.getByText('Sandbox will have no active key, so every request will be refused.')).toBeVisible();
  await expectAccessible(page);
  // It is the last key, and there was a request.
  await dialog.getByLabel(/^Type/).fill('zz');
  await expect(dialog.getByText(`This does not match ${secret.slice(-4)}.`)).toBeVisible();
  await dialog.getByLabel(/^Type/).fill(secret.slice(-4));
  await dialog.getByLabel(/^Type/).press('Enter');
  await expect(page.getByText(/^Deleted\. The Sandbox key ending/)).toBeVisible();
  expect((await call(company, secret)).status).toBe(401);
  await expect(page.getByText('0 of 2 active keys')).toHaveCount(3);
});

test('deleting in Production requires typing the last four characters', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'prod');
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('link', { name: /^Delete Production key/ }).click();
  const dialog = page.getByRole('alertdialog');
  const confirm = dialog.getByRole('button', { name: 'Delete key' });
  await expect(confirm).toHaveAttribute('aria-disabled', 'true');
  await dialog.getByLabel(/^Type/).fill(secret.slice(-4));
  await expect(confirm).not.toHaveAttribute('aria-disabled', 'true');
  await confirm.click();
  await expect(page.getByText(/^Deleted\. The Production key/)).toBeVisible();
});

test('Enter confirms the deletion of a Production key, and a wrong text is explained', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'prod');
  const lastFour = secret.slice(-4);
  await signIn(page, company);
  await hydrated(page);
  await page.getByRole('link', { name: /^Delete Production key/ }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog).toContainText('Permanently deletes this key.');
  const field = dialog.getByLabel(/^Type/);
  await field.press('Enter');
  await expect(field).toHaveAccessibleDescription(`Type ${lastFour} to confirm.`);
  await field.fill('zzzz');
  await expect(field).toHaveAccessibleDescription(`This does not match ${lastFour}.`);
  await field.press('Enter');
  await expect(dialog).toBeVisible();
  await expect(field).toBeFocused();
  expect((await call(company, secret)).status).toBe(200);
  await field.fill(lastFour);
  await expect(field).not.toHaveAttribute('aria-invalid', 'true');
  await field.press('Enter');
  await expect(page.getByText(/^Deleted\. The Production key .+ has been rejected since/)).toBeVisible();
  expect((await call(company, secret)).status).toBe(401);
});

test('loading a page does not move focus', async ({ page }) => {
  await page.clock.install();
  const company = makeCompany();
  makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await page.clock.runFor(2_000);
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
});

test('last used updates without a reload', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  await expect(page.getByText('Never used')).toBeVisible();
  expect((await call(company, secret)).status).toBe(200);
  // This takes two seconds on an idle machine. Here two browsers and a debug build share it.
  await expect(page.getByText(/ago from 127\.0\.0\.1|just now/)).toBeVisible({ timeout: 4_000 });
});

test('the exact time of a relative one is hidden by Escape and can be shown again', async ({ page }) => {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  expect((await call(company, secret)).status).toBe(200);
  await signIn(page, company);
  await hydrated(page);
  const time = page.locator('td time[data-exact]').first();
  const bubble = () => time.evaluate((element) => getComputedStyle(element, '::after').content);
  await time.hover();
  await expect.poll(bubble).toContain('UTC');
  await page.keyboard.press('Escape');
  await expect.poll(bubble).toBe('none');
  await page.mouse.move(0, 0);
  await time.hover();
  await expect.poll(bubble).toContain('UTC');
});

test('switching tabs loads no new document', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  await hydrated(page);
  await page.evaluate(() => ((globalThis as unknown as { marker: string }).marker = 'still here'));
  for (const name of ['Logs', 'Webhooks', 'API Keys']) {
    await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name }).click();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  }
  expect(await page.evaluate(() => (globalThis as unknown as { marker: string }).marker)).toBe('still here');
});

test('a page whose part of the WASM fails to load says so and offers a full load', async ({ page, expectedFaults }) => {
  expectedFaults.push('_webhooks.pack', 'ERR_FAILED', 'Failed to fetch');
  const company = makeCompany();
  await signIn(page, company);
  await hydrated(page);
  await page.route('**/*_webhooks.pack', (route) => route.abort());
  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Webhooks' }).click();
  await expect(page.getByText('This page could not be loaded')).toBeVisible();
  await page.unroute('**/*_webhooks.pack');
  await page.getByRole('link', { name: 'Reload the page' }).click();
  await hydrated(page);
  await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
});

test('when the first part fails to load, the page stays as the server rendered it', async ({ page, expectedFaults }) => {
  expectedFaults.push('_keys.pack', 'ERR_FAILED', 'Failed to fetch');
  const company = makeCompany();
  makeKey(company, 'sandbox');
  await page.route('**/*_keys.pack', (route) => route.abort());
  await signIn(page, company);
  await page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Logs' })).toBeVisible();
  await hydrated(page);
});

test('the first load requests nothing it already has', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  const calls: string[] = [];
  page.on('request', (request) => request.url().includes('/rpc/') && calls.push(request.url()));
  await page.reload();
  await hydrated(page);
  expect(calls).toEqual([]);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the tab and the sign-in page are accessible and fit a phone, ${colorScheme}`, async ({ page }) => {
    const company = makeCompany();
    makeKey(company, 'sandbox');
    makeKey(company, 'sandbox');
    makeKey(company, 'prod');
    await page.emulateMedia({ colorScheme });
    await page.goto('/sign-in');
    await expectAccessible(page);
    await signIn(page, company);
    await hydrated(page);
    await expectAccessible(page);
    await page.setViewportSize({ width: 360, height: 740 });
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  });
}
