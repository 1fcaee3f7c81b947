// What a page does while it waits, when loading fails, and when the session has ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, expectAccessible, hydrated, makeCompany, makeKey, signIn, test, type Company } from '../fixtures/gatehouse.ts';

const tab = (page: Page, name: string) => page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name });
const bar = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement, '::before').opacity + ' ' + getComputedStyle(document.documentElement, '::before').position);

async function atKeys(page: Page): Promise<Company> {
  const company = makeCompany();
  makeKey(company, 'sandbox');
  await signIn(page, company);
  await hydrated(page);
  return company;
}

test('a page whose data is slow shows a bar at the top after a moment', async ({ page }) => {
  await atKeys(page);
  let answer = () => {};
  const held = new Promise<void>((release) => (answer = release));
  await page.route('**/rpc/webhooks/list*', async (route) => {
    await held;
    await route.continue();
  });
  await tab(page, 'Webhooks').click();
  await expect(page.getByText('Loading…')).toBeAttached();
  await expect.poll(() => bar(page)).toBe('1 fixed');
  answer();
  await expect(page.getByRole('heading', { name: 'No webhook yet' })).toBeVisible();
  await expect.poll(() => bar(page)).toBe('1 static');
});

test('a page whose WASM part is slow shows the bar too, without motion if motion is reduced', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await atKeys(page);
  let answer = () => {};
  const held = new Promise<void>((release) => (answer = release));
  await page.route('**/*_webhooks.pack', async (route) => {
    await held;
    await route.continue();
  });
  await tab(page, 'Webhooks').click();
  await expect(page.locator('html[data-loading]')).toBeAttached();
  await expect.poll(() => bar(page)).toBe('1 fixed');
  expect(await page.evaluate(() => document.getAnimations().filter((one) => one.playState === 'running').length)).toBe(0);
  answer();
  await expect(page.getByRole('heading', { name: 'No webhook yet' })).toBeVisible();
  await expect(page.locator('html[data-loading]')).toHaveCount(0);
});

test('a failed load can be retried without leaving the page', async ({ page, expectedFaults }) => {
  expectedFaults.push('net::ERR_FAILED', 'rpc/webhooks/list');
  await atKeys(page);
  await page.route('**/rpc/webhooks/list*', (route) => route.abort());
  await tab(page, 'Webhooks').click();
  await expect(page.getByRole('heading', { name: 'This could not be loaded' })).toBeVisible();
  await expectAccessible(page);
  const retry = page.getByRole('link', { name: 'Try again' });
  await retry.click();
  await expect(page.getByRole('heading', { name: 'This could not be loaded' })).toBeVisible();
  await page.unroute('**/rpc/webhooks/list*');
  await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }));
  await retry.click();
  await expect(page.getByRole('heading', { name: 'No webhook yet' })).toBeVisible();
  expect(await page.evaluate(() => 'sameDocument' in globalThis)).toBe(true);
});

test('an unknown page of a company offers no retry', async ({ page, expectedFaults }) => {
  expectedFaults.push('404');
  const company = await atKeys(page);
  await page.goto(company.path(`webhooks/${'0'.repeat(32)}`));
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Try again' })).toHaveCount(0);
});

test('a session that ended elsewhere leads to sign-in, and from there back to the page', async ({ page, expectedFaults }) => {
  expectedFaults.push('401');
  const company = await atKeys(page);
  const live = page.waitForResponse((response) => response.url().includes('/live/') && response.ok());
  await page.goto(company.path('webhooks?from=here'));
  await hydrated(page);
  await live;
  const out = await page.request.post('/sign-out', { headers: { Origin: process.env.GATEHOUSE_DASHBOARD! }, maxRedirects: 0 });
  expect(out.status()).toBe(303);
  await expect(page.getByText('Your session has ended.')).toBeVisible({ timeout: 15_000 });
  await expect(page.getByRole('heading', { name: 'No webhook yet' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await expect(page.getByText('Your session has ended. Sign in again.')).toBeVisible();
  await page.getByLabel('E-mail').fill(company.email);
  await page.getByLabel('Password').fill(company.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(new RegExp(`${company.path('webhooks')}\\?from=here$`));
});

test('a page that is opened after the session has ended says so once, with a way back', async ({ page, expectedFaults }) => {
  expectedFaults.push('401');
  const company = await atKeys(page);
  await page.request.post('/sign-out', { headers: { Origin: process.env.GATEHOUSE_DASHBOARD! }, maxRedirects: 0 });
  await tab(page, 'Webhooks').click();
  await expect(page.getByRole('heading', { name: 'Your session has ended' })).toBeVisible();
  await expect(page.locator('.session-ended:visible')).toHaveCount(0);
  const next = encodeURIComponent(company.path('webhooks'));
  await expect(page.getByRole('link', { name: 'Sign in', exact: true })).toHaveAttribute('href', `/sign-in?error=session&next=${next}`);
});

/** A separate server that a test may stop. */
class OwnServer {
  private readonly directory = mkdtempSync(path.join(tmpdir(), 'gatehouse-waiting-'));
  private process: ChildProcess | undefined;
  private readonly listeners: string[] = [];

  get url(): string {
    return `http://${this.listeners[0]}`;
  }

  async start(): Promise<void> {
    while (this.listeners.length < 3) {
      this.listeners.push(`127.0.0.1:${await freePort()}`);
    }
    const [dashboard, gateway, operator] = this.listeners;
    this.process = spawn(
      process.env.GATEHOUSE_BIN!,
      ['serve', '--demo=empty', '--data-dir', this.directory, '--listen', dashboard!, '--gateway-listen', gateway!, '--operator-listen', operator!],
      { cwd: path.resolve(import.meta.dirname, '../..'), stdio: 'ignore' },
    );
    await expect.poll(() => fetch(`http://${operator}/healthz`).then((answer) => answer.ok, () => false), { timeout: 30_000 }).toBe(true);
  }

  async stop(): Promise<void> {
    const gone = new Promise((gone) => this.process?.once('exit', gone));
    this.process?.kill('SIGTERM');
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
}

test('a page that failed while the server was down loads once it is back', async ({ page, expectedFaults }) => {
  test.slow();
  expectedFaults.push('net::ERR_CONNECTION_REFUSED', 'net::ERR_INCOMPLETE_CHUNKED_ENCODING', 'net::ERR_CONNECTION_RESET', 'net::ERR_EMPTY_RESPONSE');
  const server = new OwnServer();
  await server.start();
  try {
    await page.goto(`${server.url}/sign-in`);
    await page.getByRole('button', { name: 'Enter as Owner' }).click();
    await page.waitForURL(/\/development\/keys/);
    await hydrated(page);
    // The WASM parts of both pages are loaded; only the data will be missing.
    await tab(page, 'Webhooks').click();
    await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
    await tab(page, 'API Keys').click();
    await expect(page.getByRole('heading', { level: 1, name: 'API Keys' })).toBeVisible();
    await server.stop();
    await tab(page, 'Webhooks').click();
    await expect(page.getByRole('heading', { name: 'This could not be loaded' })).toBeVisible();
    await server.start();
    await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole('heading', { name: 'This could not be loaded' })).toHaveCount(0);
  } finally {
    await server.remove();
  }
});
