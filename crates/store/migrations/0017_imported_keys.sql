-- Credentials that another system made. Written by `store::keys` and `store::accounts`.

-- Whether the look-up hash is made of the secret's SHA-256. A key of which only the digest is known has an empty text sealed.
ALTER TABLE api_keys ADD COLUMN imported {int} NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));
-- What the company's programs send as their Client ID, if that is not this installation's.
ALTER TABLE companies ADD COLUMN imported_client_id TEXT;
CREATE UNIQUE INDEX companies_imported_client_id ON companies (imported_client_id) WHERE imported_client_id IS NOT NULL;
