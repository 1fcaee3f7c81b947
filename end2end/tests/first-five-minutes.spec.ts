// A newcomer's first five minutes with the demo, using only the page: a key, a call, a log entry, a webhook. Takes a
// picture of each step, at desktop and phone width, in light and dark, into test-results/first-five-minutes/.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from '@playwright/test';
import { enterDemo, expect, expectAccessible, expectNoSidewaysScroll, hydrated, test } from '../fixtures/gatehouse.ts';
import { publish } from '../fixtures/receiver.ts';

const run = promisify(execFile);

/** Runs a copied command line, as a person would. */
async function paste(line: string): Promise<{ status: number; body: string }> {
  const { stdout } = await run('bash', ['-c', `${line} --silent --write-out '\\n%{http_code}' --max-time 10`]);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

/** The text of the code block with this label. */
async function codeIn(place: Page | Locator, label: string): Promise<string> {
  return (await place.getByRole('group', { name: label, exact: true }).first().innerText()).trim();
}

const widths = [
  { name: '1440', size: { width: 1440, height: 1000 } },
  { name: '390', size: { width: 390, height: 844 } },
];

for (const { name, size } of widths) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the first five minutes, ${name} px, ${colorScheme}`, async ({ page }) => {
      test.setTimeout(120_000);
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      let step = 0;
      const picture = async (what: string, fullPage = true) => {
        step += 1;
        await expectNoSidewaysScroll(page);
        await expectAccessible(page);
        const file = `${String(step).padStart(2, '0')}-${what}.png`;
        await page.screenshot({
          path: path.join('test-results', 'first-five-minutes', `${name}-${colorScheme}`, file),
          fullPage,
          animations: 'disabled',
        });
      };
      const tab = (label: string) => page.getByRole('navigation', { name: 'Development' }).getByRole('link', { name: label });

      // Sign in, and see the three tabs.
      await page.goto('/sign-in');
      await hydrated(page);
      await picture('sign-in');
      await enterDemo(page, 'Owner');
      await hydrated(page);
      for (const label of ['API Keys', 'Logs', 'Webhooks']) {
        await expect(tab(label)).toBeVisible();
      }
      await expect(page.getByText('2 of 2 active keys')).toBeVisible();
      await picture('keys');

      // Generate a second Sandbox key.
      const sandbox = page.locator('tbody').filter({ hasText: 'Sandbox' });
      await expect(sandbox.getByText('1 of 2 active keys')).toBeVisible();
      const older = (await sandbox.locator('tr[data-key]').first().getAttribute('data-key'))!;
      await sandbox.getByRole('button', { name: 'Generate new key' }).click();
      const generated = page.getByRole('dialog', { name: 'New Sandbox key' });
      await expect(generated).toBeVisible();
      await picture('generated', false);
      const line = await codeIn(generated, 'Try it');
      await generated.getByRole('button', { name: 'Done' }).click();
      await expect(sandbox.getByText('2 of 2 active keys')).toBeVisible();

      // The copied line works, and Last used updates without a reload.
      expect((await paste(line)).status).toBe(200);
      const newRow = page.locator('tr[data-key]', { hasText: /sandbox-[0-9a-f]{40}/.exec(line)![0].slice(-4) });
      await expect(newRow).toContainText('from 127.0.0.1', { timeout: 4_000 });

      // Reveal the older key's secret once, and call with it.
      const olderRow = page.locator(`tr[data-key="${older}"]`);
      await olderRow.getByRole('button', { name: /^Reveal/ }).click();
      const olderSecret = (await olderRow.getByText(/^sandbox-[0-9a-f]{40}$/).innerText()).trim();
      await picture('revealed');
      await olderRow.getByRole('button', { name: /^Hide/ }).click();
      const newSecret = /sandbox-[0-9a-f]{40}/.exec(line)![0];
      const olderLine = line.replace(newSecret, olderSecret);
      expect((await paste(olderLine)).status).toBe(200);

      // Delete it: the dialog states the facts before the button is pressed.
      await olderRow.getByRole('link', { name: /^Delete/ }).click();
      const dialog = page.getByRole('alertdialog', { name: 'Delete this key?' });
      await expect(dialog.getByText('Sandbox will have one active key left.')).toBeVisible();
      await picture('delete', false);
      await dialog.getByRole('button', { name: 'Delete key' }).click();
      await expect(page.getByText(/^Deleted\. The Sandbox key ending/)).toBeVisible();
      const refused = await paste(olderLine);
      expect(refused.status).toBe(401);
      expect(JSON.parse(refused.body)).toEqual({ error: { code: 'authentication_failed', message: 'No such user' } });
      expect((await paste(line)).status).toBe(200);

      // The log says which key was used, and who deleted it and when.
      await tab('Logs').click();
      await expect(page.getByRole('heading', { level: 1, name: 'Logs' })).toBeVisible();
      await expect(page.getByRole('row').nth(5)).toBeVisible();
      await picture('logs');
      const fold = page.locator('label[for="show-filters"]');
      if (await fold.isVisible()) {
        await fold.click();
      }
      await page.getByLabel('Status', { exact: true }).selectOption('401');
      await expect(page).toHaveURL(/status=401/);
      const entry = page.getByRole('row').filter({ hasText: olderSecret.slice(-4) }).first();
      await expect(entry).toBeVisible();
      await picture('logs-401');
      await entry.getByRole('link').first().click();
      await expect(page.getByText('Deleted key').first()).toBeVisible();
      await expect(page.getByText(/was deleted by ana@demo\.example on /)).toBeVisible();
      await picture('log-entry');

      // Add a webhook for the built-in receiver.
      await tab('Webhooks').click();
      await expect(page.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
      await picture('webhooks');
      await page.getByRole('link', { name: 'Add webhook' }).first().click();
      await page.getByRole('button', { name: 'Use the built-in receiver' }).click();
      // A URL can be registered once in an environment, so every run of this test needs its own.
      const url = page.getByLabel('URL');
      await url.fill(`${await url.inputValue()}?run=${name}-${colorScheme}-${Date.now()}`);
      await page.getByLabel('Name', { exact: true }).fill(`Five minutes ${name} ${colorScheme}`);
      await picture('webhook-new');
      await page.getByRole('button', { name: 'Add webhook' }).click();
      await expect(page.getByRole('button', { name: 'Send test event' })).toBeVisible();
      await page.getByRole('button', { name: 'Send test event' }).click();
      await expect(page.getByText('Delivered').first()).toBeVisible({ timeout: 15_000 });
      await picture('webhook');

      // The operator's backend publishes an event, and it arrives signed.
      const clientId = new URL(page.url()).pathname.split('/')[2]!;
      expect((await publish({ clientId }, 'order-finalized')).deliveries).toBeGreaterThan(0);
      await expect(page.getByRole('row').filter({ hasText: 'order-finalized' }).filter({ hasText: 'Delivered' }).first()).toBeVisible({ timeout: 15_000 });

      // One call triggers an event with its request id, which links request, event and delivery.
      const order = line.replace('/v1/users/', '/v1/orders/').replace(/^curl /, 'curl -X POST -H "Content-Type: application/json" -d "{}" ');
      expect((await paste(order)).status).toBe(201);
      const sent = page.getByRole('row').filter({ hasText: 'order-created' }).filter({ hasNotText: 'Test' });
      await expect(sent.filter({ hasText: 'Delivered' }).first()).toBeVisible({ timeout: 15_000 });
      // By keyboard: the list is live, and a row that arrives moves the others from under the pointer.
      await sent.first().getByRole('link').first().press('Enter');
      await expect(page.getByText('X-WEBHOOK-SIGN', { exact: false }).first()).toBeVisible();
      await picture('delivery');
      // The webhook can be delivered before the request that caused it is stored in the log.
      const cause = page.getByText('Caused by').locator('..').getByRole('link');
      await expect(async () => {
        await page.reload();
        await expect(cause).toBeVisible({ timeout: 1_000 });
      }).toPass();
      await cause.click();
      await expect(page.getByRole('heading', { name: 'What it triggered' })).toBeVisible();
      await expect(page.getByText('/v1/orders/').first()).toBeVisible();
      await picture('trail');

      // A delivery to a failing receiver says when it will be retried.
      await tab('Webhooks').click();
      await page.getByRole('row').filter({ hasText: 'Failing' }).first().getByRole('link').first().click();
      await expect(page.getByText(/attempt \d+ of 10/i).first()).toBeVisible();
      const next = page.getByText(/next in \d+ s/).first();
      const seconds = async () => Number(/next in (\d+) s/.exec(await next.innerText())![1]);
      const first = await seconds();
      await expect.poll(seconds, { timeout: 6_000 }).not.toBe(first);
      await picture('webhook-failing');
    });
  }
}
