-- Attempts by hand are counted on their own: they use up none of the schedule's, and the schedule's next one keeps its time in
-- `resume_at`. `undelivered_since` is the first failure after the last success, whatever was switched meanwhile.
-- `last_test_at` and `last_test_delivered` say how the latest test event ended.
-- After a rotation the `previous_secret` signs too, until `previous_until`.
ALTER TABLE deliveries ADD COLUMN replays {int} NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN resume_at {int};
ALTER TABLE webhooks ADD COLUMN undelivered_since {int};
ALTER TABLE webhooks ADD COLUMN last_test_at {int};
ALTER TABLE webhooks ADD COLUMN last_test_delivered {int};
ALTER TABLE webhooks ADD COLUMN previous_secret {blob};
ALTER TABLE webhooks ADD COLUMN previous_until {int};

UPDATE deliveries SET replays = (SELECT COUNT(*) FROM attempts a WHERE a.delivery_id = deliveries.id AND a.replay = 1);
UPDATE deliveries SET attempts = attempts - replays WHERE replays > 0;
-- Each kind is numbered from 1.
UPDATE attempts SET number = (SELECT COUNT(*) FROM attempts b WHERE b.delivery_id = attempts.delivery_id
    AND b.replay = attempts.replay AND b.seq <= attempts.seq);
UPDATE webhooks SET undelivered_since = (SELECT MIN(a.ended_at) FROM attempts a WHERE a.webhook_id = webhooks.id AND a.test = 0
    AND a.failure IS NOT NULL AND a.ended_at > COALESCE((SELECT MAX(b.ended_at) FROM attempts b
    WHERE b.webhook_id = webhooks.id AND b.test = 0 AND b.failure IS NULL), 0));
UPDATE webhooks SET undelivered_since = failing_since WHERE undelivered_since IS NULL AND failing_since IS NOT NULL;
UPDATE webhooks SET
    last_test_at = (SELECT MAX(a.ended_at) FROM attempts a WHERE a.webhook_id = webhooks.id AND a.test = 1),
    last_test_delivered = (SELECT CASE WHEN a.failure IS NULL THEN 1 ELSE 0 END FROM attempts a
        WHERE a.webhook_id = webhooks.id AND a.test = 1 ORDER BY a.ended_at DESC LIMIT 1);
