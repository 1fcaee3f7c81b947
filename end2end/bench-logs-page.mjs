// One round of `cargo xtask bench logs page`, which starts the server and calls this: uses the Logs tab in Chromium and
// measures, inside the page, how long each change takes until it is painted. Reads what to use from standard input, and
// prints the measurements, both as JSON. `docs/BENCHMARKS.md` says what the numbers are.
import { readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const world = JSON.parse(readFileSync(0, 'utf8'));
const list = `${world.dashboard}/c/${world.client_id}/development/logs`;

/** Runs in the page before its own scripts. Times are those of `performance.now()`. */
function watchPage() {
  const bench = { done: null, frames: [] };
  globalThis.bench = bench;
  /** Calls `then` with the time after the frame that shows what the document says now, and the one after it began. */
  const afterPaint = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));

  /** Calls `then` with the time at which the browser showed this text, which it notes for elements that ask for it. */
  const whenShown = (text, then) => {
    new PerformanceObserver((list, observer) => {
      observer.disconnect();
      then(list.getEntries()[0].renderTime);
    }).observe({ type: 'element' });
    text.setAttribute('elementtiming', 'bench');
  };
  /** The first path of the list. */
  bench.text = () => document.querySelector('#requests tbody .logs-path__text');

  const firstRow = () => document.querySelector('#requests tbody a');
  /** Whether the list, or the empty state in its place, is that of the address. */
  bench.isShown = (from) => {
    const shown = document.querySelector('.logs');
    if (location.search === from || shown === null || shown.hasAttribute('aria-busy')) {
      return false;
    }
    const row = firstRow();
    return row === null ? shown.querySelector('.empty') !== null : new URL(row.href).search === location.search;
  };
  bench.isGrouped = () => document.querySelector('.logs-groups table') !== null;

  /** From the next event of this kind until `isThere` holds and has been painted; where there is a text, until it is visible. */
  bench.begin = (kind, isThere, text) => {
    const calls = performance.getEntriesByType('resource').length;
    let input = null;
    const heard = (event) => { input ??= event.timeStamp; };
    addEventListener(kind, heard, { capture: true });
    bench.done = new Promise((resolve) => {
      let inDocument = null;
      let painted = null;
      let last = 0;
      const look = () => {
        last = performance.now();
        if (inDocument === null && input !== null && isThere()) {
          inDocument = performance.now();
          removeEventListener(kind, heard, { capture: true });
          const end = (at) => { painted = at; settle(); };
          const shown = text?.();
          if (shown) {
            whenShown(shown, end);
          } else {
            afterPaint(end);
          }
        }
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      // The chart and the chips come with calls of their own. The page is whole once nothing has changed for a while.
      const settle = () => {
        if (performance.now() - last < 150) {
          setTimeout(settle, 30);
          return;
        }
        observer.disconnect();
        const calling = performance.getEntriesByType('resource').slice(calls)
          .filter((one) => one.name.includes('/rpc/'))
          .map((one) => ({
            name: new URL(one.name).pathname.replace('/rpc/logs/', ''),
            begun: one.startTime - input,
            first: one.responseStart - input,
            ended: one.responseEnd - input,
            bytes: one.encodedBodySize,
          }));
        resolve({ document: inDocument - input, painted: painted - input, whole: last - input, calls: calling });
      };
    });
  };

  /** Collects the times between frames until `bench.frames` is read. */
  bench.watchFrames = () => {
    bench.frames = [];
    let before = null;
    const frame = (at) => {
      if (before !== null) {
        bench.frames.push(at - before);
      }
      before = at;
      bench.framing = requestAnimationFrame(frame);
    };
    bench.framing = requestAnimationFrame(frame);
  };
  bench.endFrames = () => {
    cancelAnimationFrame(bench.framing);
    return bench.frames;
  };

  /** Of a page that is loading: when its first row, or its groups, were there and painted, and when it was hydrated. */
  bench.load = new Promise((resolve) => {
    const load = { document: null, painted: null, hydrated: null };
    const look = () => {
      if (load.document === null && (firstRow() !== null || bench.isGrouped())) {
        load.document = performance.now();
        afterPaint((at) => { load.painted = at; finish(); });
      }
      if (load.hydrated === null && document.documentElement?.hasAttribute('data-hydrated')) {
        load.hydrated = performance.now();
        finish();
      }
    };
    const observer = new MutationObserver(look);
    const finish = () => {
      if (load.painted !== null && load.hydrated !== null) {
        observer.disconnect();
        resolve(load);
      }
    };
    observer.observe(document, { subtree: true, childList: true, attributes: true });
  });
}

const browser = await chromium.launch({
  executablePath: world.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Etc/UTC', viewport: { width: 1440, height: 900 } });
await context.addInitScript(watchPage);
const page = await context.newPage();
// Only so many are kept otherwise.
await page.addInitScript(() => performance.setResourceTimingBufferSize(10_000));

await page.goto(`${world.dashboard}/sign-in`);
await page.getByLabel('E-mail').fill(world.email);
await page.getByLabel('Password').fill(world.password);
await page.getByRole('button', { name: 'Sign in' }).click();
await page.waitForURL(/\/development\/keys/);

async function load(address) {
  await page.goto(address);
  return page.evaluate(() => bench.load);
}

/** Does something with a control, and measures from this kind of event on. */
async function measure(kind, act, isThere = 'list') {
  await page.evaluate(([kind, isThere]) => {
    const from = location.search;
    if (isThere === 'list') {
      bench.begin(kind, () => bench.isShown(from), bench.text);
    } else {
      bench.begin(kind, bench.isGrouped);
    }
  }, [kind, isThere]);
  await act();
  return page.evaluate(() => bench.done);
}

const menu = (name, value) => async () =>
  measure('change', () => page.locator(`select[name="${name}"]`).selectOption(value));
const facet = (key) => async () => measure('click', () => page.locator(`.facet a[data-key="${key}"]`).click());
const chip = (words) => async () =>
  measure('click', () => page.locator('.logs-chips a').filter({ hasText: words }).first().click());
const search = (line) => async () => {
  await page.locator('#search-line').fill(line);
  await page.keyboard.press('Escape');
  return measure('keydown', () => page.locator('#search-line').press('Enter'));
};
const back = () => measure('popstate', () => page.evaluate(() => history.back()));
/** The page waits 150 ms for the next letter, which is part of it. */
const type = (words) => async () => measure('input', () => page.getByLabel('Path contains', { exact: true }).fill(words));

// Each changes the filter that the one before has left, so that what is measured is what a reader does.
const changes = [
  ['status 200', 'common', menu('status', '200')],
  ['status 503', 'rare', menu('status', '503')],
  ['status 504', 'none', menu('status', '504')],
  ['status 5xx', 'rare', menu('status', '5xx')],
  ['5xx of a brand', 'rare', menu('brand', world.common_brand)],
  ['a common brand', 'common', menu('status', '')],
  ['a rare brand', 'rare', menu('brand', world.rare_brand)],
  ['4xx of a rare brand', 'rare', menu('status', '4xx')],
  ['without the status', 'rare', chip('Status')],
  ['without the brand', 'common', chip('Brand')],
  ['24 hours', 'range', menu('range', '24h')],
  ['an hour', 'range', menu('range', '1h')],
  ['7 days', 'range', menu('range', '7d')],
  ['30 days', 'range', menu('range', '30d')],
  ['5xx', 'rare', menu('status', '5xx')],
  ['5xx of a brand, once more', 'rare', menu('brand', world.common_brand)],
  ['Back', 'rare', back],
  ['without 5xx', 'common', chip('Status')],
  ['path, common', 'path', search('path:/v1/orders')],
  ['without it', 'common', chip('Path')],
  ['path, rare', 'path', search('path:/v1/links/0a1b')],
  ['path, rare, and 503', 'path', menu('status', '503')],
  ['without the path', 'rare', chip('Path')],
  ['without 503', 'common', chip('Status')],
  ['path: none', 'none', search('path:/v1/no-such-path')],
  ['without that path', 'common', chip('Path')],
  ['200 ms and more', 'rare', search('duration:>=200ms')],
  ['without the duration', 'common', chip('Duration')],
  ['an address, rare', 'rare', search('ip:203.0.113.77')],
  ['without the address', 'common', chip('Address')],
  ['other than 200', 'rare', search('-status:200')],
  ['without that', 'common', chip('Status')],
  ['a common key', 'key', facet(`key:${world.common_key}`)],
  ['its POST', 'key', facet('method:POST')],
  ['the key without it', 'key', chip('Method')],
  ['without the key', 'common', chip('Key')],
  ['a rare key', 'key', search(`key:${world.rare_key}`)],
  ['without the rare key', 'common', chip('Key')],
  ['deleted keys', 'rare', facet('verdict:deleted_key')],
  ['without the verdict', 'common', chip('What happened')],
  ['Production', 'common', facet('env:prod')],
  ['without Production', 'common', chip('Environment')],
];

const found = { loads: [], changes: [], views: [], typed: [], scrolled: { added: [], frames: [], wheel: [] } };
async function change(pass, [name, kind, act]) {
  try {
    found.changes.push({ name, kind, pass, ...(await act()) });
  } catch (error) {
    throw new Error(`${name}, at ${page.url()}: ${error}`);
  }
}

for (const pass of ['first', 'warm']) {
  found.loads.push({ name: 'Requests, 24 hours', pass, ...(await load(list)) });
  found.loads.push({ name: 'Requests, 30 days', pass, ...(await load(`${list}?range=30d`)) });
  // What works the controls is loaded when they are first touched.
  await page.locator('.logs-filters').hover();
  await page.waitForLoadState('networkidle');
  for (const one of changes.slice(0, 18)) {
    await change(pass, one);
  }
  await page.getByText('More filters', { exact: true }).click();
  await page.locator('.facet').first().waitFor();
  for (const one of changes.slice(18)) {
    await change(pass, one);
  }
  await load(`${list}?range=30d`);
  for (const view of ['Errors', 'Endpoints']) {
    const tab = page.locator('.logs-view-tabs a').filter({ hasText: view });
    found.views.push({ name: view, pass, ...(await measure('click', () => tab.click(), 'groups')) });
    found.loads.push({ name: `${view}, 30 days`, pass, ...(await load(`${list}?range=30d&view=${view.toLowerCase()}`)) });
    await load(`${list}?range=30d`);
  }
}

// What is typed waits for the next letter.
await page.getByText('More filters', { exact: true }).click();
await page.waitForLoadState('networkidle');
for (const words of ['/v1/orders', '/v1/links/0a1b', '/v1/no-such-path', '/v1/users']) {
  found.typed.push({ name: words, kind: 'typed', pass: 'warm', ...(await type(words)()) });
}

// Thousands of rows: as many pages as `world.pages` says are added below, and then the wheel goes back to the top.
await load(`${list}?range=30d`);
const rows = () => page.locator('#requests tbody tr').count();
await page.evaluate(() => bench.watchFrames());
for (let pages = 0; pages < world.pages; pages += 1) {
  const before = await rows();
  await page.evaluate((before) => {
    bench.begin('click', () => document.querySelectorAll('#requests tbody tr').length > before);
  }, before);
  await page.getByRole('link', { name: 'Show older requests' }).click();
  const { document, painted } = await page.evaluate(() => bench.done);
  found.scrolled.added.push({ rows: await rows(), document, painted });
}
found.scrolled.frames = await page.evaluate(() => bench.endFrames());
await page.mouse.move(700, 500);
await page.evaluate(() => { scrollTo(0, document.documentElement.scrollHeight); bench.watchFrames(); });
while (await page.evaluate(() => scrollY > 0)) {
  await page.mouse.wheel(0, -900);
  await page.evaluate(() => new Promise((next) => requestAnimationFrame(next)));
}
found.scrolled.wheel = await page.evaluate(() => bench.endFrames());

await browser.close();
process.stdout.write(JSON.stringify(found));
