// With scripts, the page of a rotation follows what happens.
import { admin, call, expect, hydrated, makeCompany, makeKey, signIn, test } from '../fixtures/gatehouse.ts';

test('a call with the new key appears without a reload', async ({ page }) => {
  const company = makeCompany();
  const { key_id: keyId } = makeKey(company, 'sandbox');
  const { secret: fresh } = admin<{ secret: string }>(['rotate-key', '--key-id', keyId]);
  await signIn(page, company);
  await page.goto(company.path(`keys/${keyId}/rotate`));
  await hydrated(page);
  await expect(page.getByText('It cannot be deleted now: no request has used the new key.')).toBeVisible();
  await page.getByLabel('In 7 days').check();
  expect((await call(company, fresh)).status).toBe(200);
  await expect(page.getByText(/^Delete the key ending .* now…$/)).toBeVisible();
  // What was chosen before stays.
  await expect(page.getByLabel('In 7 days')).toBeChecked();
});
