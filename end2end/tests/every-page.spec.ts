// Without scripts, no page may promise what only scripts can do.
import { expect, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';
import { startReceiver } from '../fixtures/receiver.ts';

test('without scripts no page promises what only scripts can do', async ({ page }) => {
  test.skip(test.info().project.use.javaScriptEnabled !== false, 'with scripts these promises hold');
  test.slow();
  const company = makeCompany();
  const { key_id: keyId, secret } = makeKey(company, 'sandbox');
  const receiver = await startReceiver();
  await signIn(page, company);
  // Before the first request, because the log also records public API calls.
  await page.goto(company.path('logs'));
  await expect(page.getByRole('link', { name: 'Reload this page' })).toBeVisible();
  const created = await fetch(`${process.env.GATEHOUSE_GATEWAY}/v1/webhooks/`, {
    method: 'POST',
    headers: { 'X-Access-Client-Id': company.clientId, 'X-Access-Secret': secret, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Orders', webhook_url: receiver.url, env_type: 'sandbox' }),
  });
  const { id: webhook } = (await created.json()) as { id: string };
  const addresses = [
    '',
    'keys',
    'keys?deleted=1',
    'keys/new?environment=prod',
    `keys/${keyId}`,
    `keys/${keyId}/delete`,
    'logs',
    'webhooks',
    'webhooks/new',
    `webhooks/${webhook}`,
    `webhooks/${webhook}/deliveries`,
    `webhooks/${webhook}/edit`,
    `webhooks/${webhook}/delete`,
  ].map((rest) => (rest === '' ? '/sign-in' : company.path(rest)));
  for (const address of addresses) {
    await page.goto(address);
    const main = page.getByRole('main');
    await expect(main).toBeVisible();
    // Hidden text is not included.
    expect(await main.innerText(), address).not.toMatch(/appears? here|by itself|without revealing|30 seconds|hides in/i);
  }
  await page.goto(company.path(`webhooks/${webhook}`));
  await page.getByRole('button', { name: 'Send test event' }).click();
  await expect(page.getByRole('main')).toBeVisible();
  await receiver.close();
});
