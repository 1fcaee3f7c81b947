// How the browser tests run. `cargo xtask test` and `cargo leptos end-to-end` both use this file.
// `cargo xtask screenshots` sets GATEHOUSE_SCREENSHOTS and runs the project of that name.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';

// Separate ports, so that a demo can keep running during the tests.
const dashboard = '127.0.0.1:3100';
const gateway = '127.0.0.1:8180';
const operator = '127.0.0.1:9190';

// Playwright loads this file again in each worker, with the environment that the first load has set.
process.env.GATEHOUSE_BIN ??= fileURLToPath(new URL('../target/debug/gatehouse', import.meta.url));
process.env.GATEHOUSE_DATA_DIR ??= mkdtempSync(path.join(tmpdir(), 'gatehouse-end2end-'));
process.env.GATEHOUSE_DASHBOARD ??= `http://${dashboard}`;
process.env.GATEHOUSE_GATEWAY ??= `http://${gateway}`;
process.env.GATEHOUSE_OPERATOR ??= `http://${operator}`;

const takingPictures = process.env.GATEHOUSE_SCREENSHOTS !== undefined;
const pictures = 'screenshots.spec.ts';

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  snapshotPathTemplate: '{testDir}/{testFileName}-snapshots/{arg}{ext}',
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  // `cargo xtask test` reads the second, to name at its end the tests that failed.
  reporter: [['list'], ['json', { outputFile: 'test-results/report.json' }]],
  timeout: 30_000,
  expect: { timeout: 5_000 },
  use: {
    baseURL: process.env.GATEHOUSE_DASHBOARD,
    browserName: 'chromium',
    locale: 'en-GB',
    timezoneId: 'Etc/UTC',
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    video: 'off',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: takingPictures
    ? [{ name: 'screenshots', testMatch: pictures }]
    : [
        { name: 'with-javascript', testIgnore: pictures },
        // Tests that need WASM are in files named `*.hydrate.spec.ts`, and in the walk through the first five minutes.
        {
          name: 'without-javascript',
          testIgnore: [pictures, '**/*.hydrate.spec.ts', '**/first-five-minutes.spec.ts'],
          use: { javaScriptEnabled: false },
        },
      ],
  webServer: {
    command: `node start-gatehouse.mjs --listen ${dashboard} --gateway-listen ${gateway} --operator-listen ${operator}`,
    url: `http://${operator}/healthz`,
    reuseExistingServer: false,
    timeout: 60_000,
    stdout: 'pipe',
    stderr: 'pipe',
    gracefulShutdown: { signal: 'SIGTERM', timeout: 15_000 },
  },
});
