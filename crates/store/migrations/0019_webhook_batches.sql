-- Each event changes its delivery three times, so these tables are vacuumed before a fiftieth of them is dead.
{postgres} ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
{postgres} ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1, fillfactor = 80);
{postgres} ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

-- An event is its own record of who published it (it has no audit row). Events of earlier versions have theirs in `audit`.
-- `last_key_id` of a delivery is the key that signed its latest attempt.
ALTER TABLE events ADD COLUMN published_by_kind TEXT;
ALTER TABLE events ADD COLUMN published_by TEXT;
ALTER TABLE events ADD COLUMN published_from TEXT;
-- When the event happened, if its publisher said so. Otherwise it happened when it was accepted, at `created_at`.
ALTER TABLE events ADD COLUMN happened_at {int};
ALTER TABLE deliveries ADD COLUMN last_key_id TEXT;
