// An export with scripts: how far it is, cancelling it, and what happens when it does not end well.
import { readFileSync } from 'node:fs';
import { enterDemo, expect, expectAccessible, hydrated, test } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

/** The demo's Logs page with a week of sample data. */
async function openWeek(page: Page): Promise<void> {
  await enterDemo(page, 'Owner');
  await page.goto(page.url().replace(/keys.*$/, 'logs?range=7d'));
  await hydrated(page);
  await page.getByText('Export…').click();
  await expect(page.getByRole('radio', { name: /^CSV/ })).toBeChecked();
}

const press = (page: Page) => page.getByRole('button', { name: 'Export', exact: true }).click();

test('an export follows the filter, says how far it is, and what it saved', async ({ page }) => {
  await openWeek(page);
  await page.getByLabel('Status', { exact: true }).selectOption('5xx');
  await expect(page.getByRole('status').filter({ hasText: /requests in the last 7 days$/ })).toBeVisible();
  await page.waitForURL(/status=5xx/);
  await page.getByRole('radio', { name: /^JSON Lines \(/ }).check();
  const coming = page.waitForEvent('download');
  await press(page);
  const download = await coming;
  const lines = readFileSync(await download.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  const end = lines.pop()!;
  expect(end).toMatchObject({ end_of_export: true, requests: lines.length });
  expect(lines.length).toBeGreaterThan(50);
  expect(lines.every(({ status }) => Number(status) >= 500)).toBe(true);
  const said = page.getByRole('status').filter({ hasText: 'Exported' });
  await expect(said).toContainText(`to ${download.suggestedFilename()}.`);
  await expectAccessible(page);
});

test('an export can be cancelled, and then nothing is saved', async ({ page, context }) => {
  await openWeek(page);
  const client = await context.newCDPSession(page);
  await client.send('Network.enable');
  const slow = { offline: false, latency: 0, downloadThroughput: 100_000, uploadThroughput: -1 };
  let downloads = 0;
  page.on('download', () => (downloads += 1));
  await page.getByRole('radio', { name: /with headers and bodies/ }).check();
  // The part of the WASM is there already.
  await press(page);
  await expect(page.getByRole('progressbar', { name: 'Export' })).toBeVisible();
  await client.send('Network.emulateNetworkConditions', slow);
  await press(page);
  await expect(page.getByText(/^[1-9][\d,]* of about [\d,]+ requests$/)).toBeVisible();
  await expectAccessible(page);
  const before = downloads;
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled. No file was saved.')).toBeVisible();
  await client.send('Network.emulateNetworkConditions', { ...slow, downloadThroughput: -1 });
  // Its place is free again.
  await page.getByLabel('Status', { exact: true }).selectOption('503');
  await page.waitForURL(/status=503/);
  const coming = page.waitForEvent('download');
  await press(page);
  await coming;
  expect(downloads).toBe(before + 1);
});

test.describe('that does not end well', () => {
  test.use({ expectedFaults: ['429'] });

  test('is not saved, and says why', async ({ page }) => {
    await openWeek(page);
    page.on('download', () => expect('a file').toBe('not saved'));
    const answers = [
      { status: 200, contentType: 'text/csv', body: 'at,request_id\r\n2026,a\r\n' },
      { status: 429, contentType: 'text/plain; charset=utf-8', body: 'Two exports of this company are in progress.' },
    ];
    await page.route('**/logs/export', (route) => route.fulfill(answers.shift()!));
    await press(page);
    await expect(page.getByText('The export broke off after 1 request, so no file was saved.')).toBeVisible();
    await press(page);
    await expect(page.getByText('Two exports of this company are in progress.')).toBeVisible();
  });
});
