-- Webhooks, events, deliveries and their attempts. Written by `store::webhooks`.

-- `events` is a list with commas, or nothing for all types. A deleted webhook keeps its row for its history, without its
-- secret. `failing_since` and `warned_at` are set while every attempt fails; `last_key_id` is the key that last succeeded.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES companies (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'dev', 'prod')),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    normal_url TEXT NOT NULL,
    events TEXT,
    enabled {int} NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason TEXT,
    sealed_secret {blob},
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    deleted_at {int},
    failing_since {int},
    warned_at {int},
    last_key_id TEXT,
    CHECK ((enabled = 1) = (disabled_reason IS NULL)),
    CHECK ((deleted_at IS NULL) = (sealed_secret IS NOT NULL))
) {strict};
CREATE UNIQUE INDEX webhooks_url ON webhooks (company_id, environment, normal_url) WHERE deleted_at IS NULL;

-- `body` is sealed: the same bytes for every webhook and attempt.
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES companies (id),
    environment TEXT NOT NULL,
    event_type TEXT NOT NULL,
    created_at {int} NOT NULL,
    request_id TEXT,
    body {blob} NOT NULL,
    idempotency_key TEXT UNIQUE,
    request_hash {blob},
    CHECK ((idempotency_key IS NULL) = (request_hash IS NULL))
) {strict};
CREATE INDEX events_by_request ON events (company_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX events_by_age ON events (created_at);

-- While pending, `due_at` is when the next attempt is due. A claim sets `lease` and moves `due_at` to the lease's end:
-- whoever died in between is forgotten by itself. `replayed_from` is the state before somebody asked for an attempt.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    company_id TEXT NOT NULL,
    test {int} NOT NULL CHECK (test IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('pending', 'held', 'delivered', 'exhausted', 'skipped')),
    attempts {int} NOT NULL,
    due_at {int},
    lease TEXT,
    replayed_from TEXT,
    created_at {int} NOT NULL,
    last_attempt_at {int},
    last_status {int},
    last_failure TEXT,
    last_duration_ms {int},
    CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CHECK (lease IS NULL OR state = 'pending')
) {strict};
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_held ON deliveries (webhook_id) WHERE state = 'held';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_of_event ON deliveries (event_id);

-- One row for each attempt that was made. `hops` is JSON: what was asked of whom, and the answers.
CREATE TABLE attempts (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    event_type TEXT NOT NULL,
    test {int} NOT NULL,
    number {int} NOT NULL,
    started_at {int} NOT NULL,
    ended_at {int} NOT NULL,
    duration_ms {int} NOT NULL,
    status {int},
    failure TEXT,
    key_id TEXT,
    signed_by_last_four TEXT,
    replay {int} NOT NULL,
    url TEXT NOT NULL,
    hops TEXT NOT NULL
) {strict};
CREATE INDEX attempts_of_delivery ON attempts (delivery_id, number);
CREATE INDEX attempts_of_webhook ON attempts (webhook_id, ended_at);
CREATE INDEX attempts_history ON attempts (company_id, environment, seq);
