// The size of each tab's first load: bytes on the wire, of every kind. Growth shows up here first.
import { expect, hydrated, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';

/** Kilobytes of scripts, WASM and style sheets, compressed. Excludes fonts, the page itself and its data. */
const budgets = { keys: 310, logs: 342, webhooks: 267 };

for (const [tab, budget] of Object.entries(budgets)) {
  test(`the first load of ${tab} is one main part and one pack, within ${budget} kB`, async ({ page, context }) => {
    const company = makeCompany();
    makeKey(company, 'sandbox');
    await signIn(page, company);
    const client = await context.newCDPSession(page);
    await client.send('Network.enable');
    await client.send('Network.setCacheDisabled', { cacheDisabled: true });
    const names = new Map<string, string>();
    const weights = new Map<string, number>();
    client.on('Network.requestWillBeSent', ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname));
    client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const name = names.get(requestId) ?? '';
      if (name.startsWith('/pkg/')) {
        weights.set(name, encodedDataLength);
      }
    });
    await page.goto(company.path(tab));
    await hydrated(page);
    const packs = [...weights.keys()].filter((name) => name.endsWith('.pack'));
    expect(packs).toEqual([expect.stringMatching(new RegExp(`_${tab}\\.pack$`))]);
    const kilobytes = [...weights.values()].reduce((sum, bytes) => sum + bytes, 0) / 1000;
    expect(kilobytes).toBeGreaterThan(100);
    expect(kilobytes).toBeLessThanOrEqual(budget);
  });
}

test('each file named in the head of a page is fetched once', async ({ page }) => {
  const company = makeCompany();
  await signIn(page, company);
  const fetched: string[] = [];
  page.on('request', (request) => request.url().includes('/pkg/') && fetched.push(new URL(request.url()).pathname));
  await page.goto(company.path('keys'));
  await hydrated(page);
  expect(fetched.length).toBeGreaterThanOrEqual(5);
  expect([...fetched].sort()).toEqual([...new Set(fetched)].sort());
});
