// Exporting what the Logs page finds, before its WASM arrives or without it.
import { readFileSync } from 'node:fs';
import { call, expect, expectAccessible, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, makeMember, openWhenItHas, signIn, startSession, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

/** A company with two requests that succeeded and one that did not, and its signed-in owner. */
async function withCalls(page: Page): Promise<Company> {
  const company = makeCompany('owner', 'Acme, Inc.');
  const { secret } = makeKey(company, 'sandbox');
  for (const path of ['/v1/users/?a=1', '/v1/no-such-thing/', '/v1/users/;=1+1']) {
    await (await call(company, secret, path)).arrayBuffer();
  }
  await startSession(page, company);
  await openWhenItHas(page, company.path('logs'), /^3 requests/);
  await hydrated(page);
  return company;
}

async function exported(page: Page): Promise<{ name: string; text: string }> {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const download = await coming;
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
}

test('what a filter finds is downloaded as CSV, which a spreadsheet does not calculate', async ({ page }) => {
  const company = await withCalls(page);
  await page.goto(company.path('logs?range=1h&path=users'));
  await hydrated(page);
  await page.getByText('Export…').click();
  await expect(page.getByRole('radio', { name: /^CSV/ })).toBeChecked();
  const { name, text } = await exported(page);
  expect(name).toMatch(/^acme-inc-requests-\d{8}T\d{4}Z-\d{8}T\d{4}Z\.csv$/);
  const lines = text.split('\r\n');
  expect(lines[0]).toMatch(/^at,request_id,method,path,/);
  expect(lines[1]).toContain(',GET,"/v1/users/;\'=1+1",');
  expect(lines[2]).toContain(',GET,/v1/users/?a=1,');
  expect(lines[3]).toMatch(/^End of export: 2 requests,/);
  expect(lines.length).toBe(5);
});

test('headers and bodies are in the file when they are asked for', async ({ page }) => {
  await withCalls(page);
  await page.getByText('Export…').click();
  await page.getByRole('radio', { name: /with headers and bodies/ }).check();
  const { name, text } = await exported(page);
  expect(name).toMatch(/\.jsonl$/);
  const lines = text.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBe(4);
  expect(lines[0]).toHaveProperty('request_headers');
  expect(lines[1]).toMatchObject({ path: '/v1/no-such-thing/', response_body: { kind: 'text' } });
  expect(lines[3]).toMatchObject({ end_of_export: true, requests: 3 });
});

test('a viewer is told whom to ask', async ({ page, context }) => {
  const company = await withCalls(page);
  await context.clearCookies();
  await signIn(page, makeMember(company, 'viewer'));
  await page.goto(company.path('logs'));
  await hydrated(page);
  await page.getByText('Export…').click();
  await expect(page.getByText('Viewers cannot export requests. Ask an Owner.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Export', exact: true })).toHaveCount(0);
});

test('the form is accessible and fits a phone', async ({ page }) => {
  await withCalls(page);
  await page.getByText('Export…').click();
  await expect(page.getByRole('radio', { name: /^CSV/ })).toBeVisible();
  for (const colorScheme of test.info().project.use.javaScriptEnabled === false ? [] : (['light', 'dark'] as const)) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});
