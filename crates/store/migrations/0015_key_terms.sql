-- What may be set on a key. The defaults leave a key as it was: no name, no end, no limit of its own.
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN expires_at {int};
-- When the key is to be deleted, and the name of who said so.
ALTER TABLE api_keys ADD COLUMN delete_at {int};
ALTER TABLE api_keys ADD COLUMN delete_set_by TEXT;
ALTER TABLE api_keys ADD COLUMN read_only {int} NOT NULL DEFAULT 0 CHECK (read_only IN (0, 1));
-- CIDR, separated by spaces. Empty: any address.
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN requests_a_minute {int} CHECK (requests_a_minute > 0);
CREATE INDEX api_keys_due ON api_keys (delete_at) WHERE deleted_at IS NULL AND delete_at IS NOT NULL;
