-- An event is its own record of who published it (it has no audit row). Events of earlier versions have theirs in `audit`.
-- `last_key_id` of a delivery is the key that signed its latest attempt.
ALTER TABLE events ADD COLUMN published_by_kind TEXT;
ALTER TABLE events ADD COLUMN published_by TEXT;
ALTER TABLE events ADD COLUMN published_from TEXT;
ALTER TABLE deliveries ADD COLUMN last_key_id TEXT;
