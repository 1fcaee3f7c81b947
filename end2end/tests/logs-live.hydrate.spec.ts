// How the list follows the log: only what is new is fetched, and what is not shown is counted.
import { call, expect, expectAccessible, expectEachRequest, expectNoSidewaysScroll, hydrated, makeCompany, makeKey, setVisibility, signIn, test, type Company } from '../fixtures/gatehouse.ts';
import type { Page } from '@playwright/test';

interface New {
  count: number;
  page: { rows: { html: string }[]; as_of: number };
}

/** What the page asks the log for from here on: calls in order, with the answers to those for what is new. */
class Asked {
  readonly calls: string[] = [];
  readonly at: number[] = [];
  private readonly answers: Promise<New>[] = [];

  constructor(page: Page) {
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname === '/rpc/logs/list' || pathname === '/rpc/logs/new') {
        this.calls.push(pathname);
        this.at.push(Date.now());
      }
    });
    page.on('response', (response) => {
      if (new URL(response.url()).pathname === '/rpc/logs/new') {
        this.answers.push(response.json() as Promise<New>);
      }
    });
  }

  /** The answers so far. */
  async new(): Promise<New[]> {
    return Promise.all(this.answers);
  }

  async counted(): Promise<number> {
    return (await this.new()).reduce((sum, answer) => sum + answer.count, 0);
  }
}

/** The path that a drawn row shows. */
const pathOf = (html: string) => /class="logs-path__text">([^<]*)</.exec(html)?.[1];

const count = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text });
const rowOf = (page: Page, path: string) => page.getByRole('row').filter({ hasText: path });
const rows = (page: Page) => page.locator('.row-link');
const sample = (page: Page) => page.locator('.logs-sample');

/** Waits until the log has this many requests of the company: the caller has its response before the row is stored. */
async function stored(page: Page, company: Company, many: number): Promise<void> {
  const logs = async () => (await page.request.get(company.path('logs'))).text();
  await expect.poll(logs).toMatch(new RegExp(`>${many.toLocaleString('en')} requests `));
}

/** Sends this many requests, 16 at a time. */
async function send(company: Company, secret: string, many: number, path = '/v1/users/?n='): Promise<void> {
  let sent = 0;
  const one = async () => {
    while (sent < many) {
      const answer = await call(company, secret, `${path}${(sent += 1)}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

async function open(page: Page, many: number): Promise<{ company: Company; secret: string }> {
  const company = makeCompany();
  const { secret } = makeKey(company, 'sandbox');
  await send(company, secret, many, '/v1/orders/?before=');
  await signIn(page, company);
  await openLogs(page, company, many);
  return { company, secret };
}

async function openLogs(page: Page, company: Company, many: number): Promise<void> {
  await page.goto(company.path('logs'));
  await hydrated(page);
  await expect(count(page, new RegExp(`^${many.toLocaleString('en')} requests? `))).toBeVisible();
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await page.mouse.move(5, 5);
}

/** What the list lacks after these answers: it shows that many of all since one was passed over, until a whole page of them came. */
function sampled(answers: New[]): { shown: number; all: number } | undefined {
  let sample: { shown: number; all: number; inARow: number } | undefined;
  for (const { count: all, page } of answers) {
    const shown = page.rows.length;
    const passesOver = shown < 50 && all > shown;
    const before = sample ?? { shown: 0, all: 0, inARow: 0 };
    const inARow = passesOver ? shown : before.inARow + shown;
    const isWhole = !passesOver && (sample === undefined || (shown > 0 && inARow >= 50));
    sample = isWhole ? undefined : { shown: before.shown + shown, all: before.all + all, inARow };
  }
  return sample;
}

test('while it follows, the page asks for what is new, and gets each row once', async ({ page }) => {
  const { company, secret } = await open(page, 60);
  const asked = new Asked(page);
  for (let at = 1; at <= 4; at += 1) {
    await (await call(company, secret, `/v1/no-such-thing/?at=${at}`)).arrayBuffer();
    await expect(rowOf(page, `/v1/no-such-thing/?at=${at}`)).toBeVisible();
  }
  await expect(count(page, /^64 requests /)).toBeVisible();
  await expect(rows(page)).toHaveCount(50);
  expect(asked.calls).not.toContain('/rpc/logs/list');
  const received = (await asked.new()).flatMap((answer) => answer.page.rows.map((row) => pathOf(row.html)));
  expect(received).toEqual([1, 2, 3, 4].map((at) => `/v1/no-such-thing/?at=${at}`));
  // Below the page are the rows that it pushed out.
  await page.getByRole('link', { name: 'Show older requests' }).click();
  await expect(rows(page)).toHaveCount(64);
});

test('a burst is shown as a sample that says so, moves nothing, and is counted in full', async ({ page }) => {
  test.setTimeout(180_000);
  const { company, secret } = await open(page, 60);
  const asked = new Asked(page);
  let sent = 0;
  // Its end can fill the page, and then nothing is missing.
  do {
    const sending = send(company, secret, 2_000);
    sent += 2_000;
    await expect(sample(page)).toBeVisible();
    await expect(rows(page)).toHaveCount(50);
    await sending;
    await expect(count(page, new RegExp(`^${(60 + sent).toLocaleString('en')} requests `))).toBeVisible();
  } while (sampled(await asked.new()) === undefined);
  expect(await asked.counted()).toBe(sent);
  expect(asked.calls).not.toContain('/rpc/logs/list');
  const answers = await asked.new();
  for (const answer of answers.slice(1)) {
    expect(answer.page.rows.length).toBeLessThanOrEqual(50);
  }
  const { shown, all } = sampled(answers)!;
  await expect(sample(page)).toContainText(
    new RegExp(`^Showing a sample: ${shown.toLocaleString('en')} of ${all.toLocaleString('en')} new requests since .*\\d\\d:\\d\\d:\\d\\d`),
  );

  // Aiming at a row, the reader keeps what the list lacks away from it.
  await page.locator('#request-list').hover();
  const widths = [1440, 1024, 768, 390];
  const tops = async () => {
    const tops: number[] = [];
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      tops.push((await page.locator('#request-list').boundingBox())!.y);
      await expectNoSidewaysScroll(page);
    }
    return tops;
  };
  const withSample = await tops();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Reload list' }).click();
  await expect(sample(page)).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeFocused();
  expect(await tops()).toEqual(withSample);
  // Nothing is missing any more: these are the newest requests.
  const after = await rows(page).evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  await page.reload();
  expect(await rows(page).evaluateAll((links) => links.map((link) => link.getAttribute('href')))).toEqual(after);
});

test('once it is calm, a sample becomes the whole list, unless the reader aims at a row', async ({ page }) => {
  test.slow();
  const { company, secret } = await open(page, 60);
  await page.getByRole('link', { name: 'Show older requests' }).click();
  await expect(rows(page)).toHaveCount(60);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.mouse.move(5, 5);
  const asked = new Asked(page);
  await send(company, secret, 300);
  await expect(count(page, /^360 requests /)).toBeVisible();
  await expect(sample(page)).toBeVisible();
  await page.locator('#request-list').hover();
  await page.waitForTimeout(6_000);
  await expect(sample(page)).toBeVisible();
  expect(asked.calls).not.toContain('/rpc/logs/list');
  await page.mouse.move(5, 5);
  await expectEachRequest(page);
  await page.getByRole('link', { name: 'Show older requests' }).click();
  await expect(rows(page)).toHaveCount(100);
  const shown = await rows(page).evaluateAll((links) => links.map((link) => link.textContent));
  await page.goto(company.path('logs'));
  await hydrated(page);
  await page.getByRole('link', { name: 'Show older requests' }).click();
  await expect(rows(page)).toHaveCount(100);
  expect(await rows(page).evaluateAll((links) => links.map((link) => link.textContent))).toEqual(shown);
});

test('a paused list fetches no row and counts exactly, however many arrive', async ({ page }) => {
  test.setTimeout(120_000);
  const { company, secret } = await open(page, 3);
  await page.getByRole('button', { name: 'Pause' }).click();
  const asked = new Asked(page);
  await send(company, secret, 1_100);
  const waiting = page.getByRole('button', { name: '1,100 new requests', exact: true });
  await expect(waiting).toBeVisible();
  expect((await asked.new()).flatMap((answer) => answer.page.rows)).toEqual([]);
  await expect(rows(page)).toHaveCount(3);
  await waiting.click();
  await expect(count(page, /^1,103 requests /)).toBeVisible();
  await expect(rows(page)).toHaveCount(50);
  await expect(rowOf(page, '/v1/orders/')).toHaveCount(0);
  await expect(sample(page)).toHaveCount(0);
  expect(asked.calls).not.toContain('/rpc/logs/list');
});

test('what arrived while the stream was lost is there when it is back', async ({ page }) => {
  const { company, secret } = await open(page, 5);
  let reconnect = () => {};
  const lost = new Promise<void>((resolve) => (reconnect = resolve));
  let streams = 0;
  await page.route('**/live/*', async (route) => {
    streams += 1;
    if (streams === 1) {
      await route.fulfill({ contentType: 'text/event-stream', body: 'retry: 10\n\n' });
      return;
    }
    await lost;
    await route.continue();
  });
  await page.goto(company.path('logs'));
  await hydrated(page);
  await page.mouse.move(5, 5);
  await expect.poll(() => streams).toBe(2);
  await expect(page.getByText('Connecting…')).toBeVisible();
  const asked = new Asked(page);
  await send(company, secret, 60);
  await stored(page, company, 65);
  expect(asked.calls).toEqual([]);
  await expect(rows(page)).toHaveCount(5);
  reconnect();
  await expect(count(page, /^65 requests /)).toBeVisible();
  await expect(rows(page)).toHaveCount(50);
  // They are the newest 50, so none is missing.
  await expect(sample(page)).toHaveCount(0);
  expect(asked.calls).not.toContain('/rpc/logs/list');
  // The rest is below.
  await page.getByRole('link', { name: 'Show older requests' }).click();
  await expect(rows(page)).toHaveCount(65);
});

test('a request that arrives before the stream is open is shown, and without one nothing is asked for', async ({ page }) => {
  const { company, secret } = await open(page, 5);
  const asked = new Asked(page);
  let connect: (() => void) | undefined;
  await page.route('**/live/*', async (route) => {
    await new Promise<void>((resolve) => (connect = resolve));
    await route.continue();
  });
  const openUnconnected = async () => {
    connect = undefined;
    await page.goto(company.path('logs'));
    await hydrated(page);
    await page.mouse.move(5, 5);
    await expect.poll(() => connect !== undefined).toBe(true);
  };
  await openUnconnected();
  await (await call(company, secret, '/v1/no-such-thing/?n=1')).arrayBuffer();
  await stored(page, company, 6);
  expect(asked.calls).toEqual([]);
  connect!();
  await expect(rowOf(page, '/v1/no-such-thing/?n=1')).toBeVisible();
  expect(asked.calls).toEqual(['/rpc/logs/new']);

  await openUnconnected();
  connect!();
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await (await call(company, secret, '/v1/no-such-thing/?n=2')).arrayBuffer();
  await expect(rowOf(page, '/v1/no-such-thing/?n=2')).toBeVisible();
  expect(asked.calls).toEqual(['/rpc/logs/new', '/rpc/logs/new']);
});

test('a hidden tab asks for nothing, and catches up when it is seen', async ({ page }) => {
  const { company, secret } = await open(page, 5);
  const other = await page.context().newPage();
  await openLogs(other, company, 5);
  await setVisibility(page, 'hidden');
  const asked = new Asked(page);
  await send(company, secret, 8);
  await expect(count(other, /^13 requests /)).toBeVisible();
  expect(asked.calls).toEqual([]);
  await expect(rows(page)).toHaveCount(5);
  await setVisibility(page, 'visible');
  await expect(count(page, /^13 requests /)).toBeVisible();
  await expect(rows(page)).toHaveCount(13);
  expect(asked.calls).not.toContain('/rpc/logs/list');
});

test('on a slow line the page asks half as often as it could, and counts everything', async ({ page }) => {
  test.setTimeout(60_000);
  const { company, secret } = await open(page, 5);
  const takes = 1_200;
  await page.route('**/rpc/logs/new*', async (route) => {
    const answer = await route.fetch();
    setTimeout(() => void route.fulfill({ response: answer }), takes);
  });
  const asked = new Asked(page);
  let sent = 0;
  const traffic = setInterval(() => void call(company, secret, `/v1/users/?n=${(sent += 1)}`).then((answer) => answer.arrayBuffer()), 100);
  try {
    await expect.poll(() => asked.calls.length, { timeout: 30_000 }).toBe(4);
  } finally {
    clearInterval(traffic);
  }
  // Between the first two the page does not know yet that the line is slow.
  const between = asked.at.slice(1).map((at, index) => at - asked.at[index]!);
  for (const wait of between.slice(1)) {
    expect(wait).toBeGreaterThanOrEqual(2 * takes);
  }
  await expect(count(page, new RegExp(`^${5 + sent} requests `))).toBeVisible({ timeout: 15_000 });
  expect(await asked.counted()).toBe(sent);
});

test('only rows that arrive are marked, without motion where motion is reduced', async ({ page }) => {
  const { company, secret } = await open(page, 5);
  const fresh = page.locator('tr[data-fresh]');
  await expect(fresh).toHaveCount(0);
  await send(company, secret, 2);
  await expect(count(page, /^7 requests /)).toBeVisible();
  await expect(fresh).toHaveCount(2);
  await expect(fresh.filter({ hasText: '/v1/orders/' })).toHaveCount(0);
  const animation = () => fresh.first().evaluate((row) => getComputedStyle(row).animationName);
  expect(await animation()).toBe('fresh');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  expect(await animation()).toBe('none');

  // Another filter, and the one before again.
  const range = page.getByLabel('Date range', { exact: true });
  await range.selectOption('7d');
  await expect(page).toHaveURL(/7d/);
  await expect(page.locator('.logs[aria-busy]')).toHaveCount(0);
  await expect(rows(page)).toHaveCount(7);
  await expect(fresh).toHaveCount(0);
  await page.goBack();
  await expect(page).toHaveURL(/logs$/);
  await expect(page.locator('.logs[aria-busy]')).toHaveCount(0);
  await expect(fresh).toHaveCount(0);

  // What arrived during a pause is new; what was there is not. A return shows rows that were seen.
  await page.getByRole('button', { name: 'Pause' }).click();
  await send(company, secret, 3);
  await page.getByRole('button', { name: '3 new requests' }).click();
  await expect(rows(page)).toHaveCount(10);
  await expect(fresh).toHaveCount(3);
  // Where there is no room beside the list, a request opens as a page.
  await page.setViewportSize({ width: 1024, height: 900 });
  await rows(page).nth(4).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('GET');
  await page.goBack();
  await expect(rows(page)).toHaveCount(10);
  await expect(fresh).toHaveCount(0);
});
