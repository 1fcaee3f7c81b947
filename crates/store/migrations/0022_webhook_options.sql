-- Headers that a webhook's deliveries carry: a JSON array of names with sealed values in base64. NULL is none.
ALTER TABLE webhooks ADD COLUMN headers TEXT;
-- The most attempts a second. NULL is no limit.
ALTER TABLE webhooks ADD COLUMN rate_limit {int};

-- Up to when a limited webhook's attempts are used up, in microseconds since 1970. All nodes count here. A table of its own,
-- because publications lock the rows of `webhooks`.
CREATE TABLE webhook_paces (
    webhook_id TEXT NOT NULL PRIMARY KEY,
    used_to {int} NOT NULL
) {strict};
