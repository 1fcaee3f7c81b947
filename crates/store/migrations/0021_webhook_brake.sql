-- The operator's brake. 'hold' lies over a delivery that waits: its state and its times go on, and it is not claimed.
-- 'cancelled' with the state 'skipped' is a delivery that the operator ended.
ALTER TABLE deliveries ADD COLUMN brake TEXT CHECK (brake IN ('hold', 'cancelled'));

-- Without those on hold: a claim would otherwise step over all of them.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, id) WHERE state = 'pending' AND brake IS NULL;
DROP INDEX deliveries_held;
CREATE INDEX deliveries_held ON deliveries (webhook_id, created_at, id) WHERE state = 'held' AND brake IS NULL;
CREATE INDEX deliveries_on_hold ON deliveries (webhook_id, created_at, id) WHERE brake = 'hold';
