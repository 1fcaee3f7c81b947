-- Who paused the webhook, by the name that the audit trail has. NULL where it is enabled, was disabled by Gatehouse, or was
-- paused before this column existed.
ALTER TABLE webhooks ADD COLUMN paused_by TEXT;
