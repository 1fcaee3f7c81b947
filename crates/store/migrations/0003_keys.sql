-- API keys, the number of the latest change, and the nodes that follow it. Written by `store::keys`.

-- An active key has its sealed secret and none of the last two columns; a tombstone has those and no secret.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES companies (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'dev', 'prod')),
    slot {int} NOT NULL CHECK (slot IN (1, 2)),
    lookup_hash {blob} NOT NULL UNIQUE,
    sealed {blob},
    last_four TEXT NOT NULL,
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    last_used_at {int},
    last_used_address TEXT,
    deleted_at {int},
    deleted_by TEXT,
    CHECK ((deleted_at IS NULL) = (sealed IS NOT NULL)),
    CHECK ((deleted_at IS NULL) = (deleted_by IS NULL))
) {strict};
-- Two slots, each held by one active key at a time: never three.
CREATE UNIQUE INDEX api_keys_slot ON api_keys (company_id, environment, slot) WHERE deleted_at IS NULL;
CREATE INDEX api_keys_tombstones ON api_keys (deleted_at) WHERE deleted_at IS NOT NULL;

-- One row. Every change of who may pass moves it, and holds it until it is committed.
CREATE TABLE change_version (
    one {int} NOT NULL PRIMARY KEY CHECK (one = 1),
    version {int} NOT NULL
) {strict};
INSERT INTO change_version (one, version) VALUES (1, 1);

-- Processes that serve from this database, and until when each may: in milliseconds of the database's own clock.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    applied_version {int} NOT NULL,
    lease_until {int} NOT NULL
) {strict};
