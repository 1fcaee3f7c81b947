-- Keys that are replaced by new ones while their programs move over. Written by `store::keys::rotations`.

-- The last four characters are kept here because a deleted key's row is removed after a while. `delete_at` and `quiet_ms`
-- are the plan; with neither there is none. While a rotation has not ended, both of its keys are there.
CREATE TABLE key_rotations (
    new_key TEXT NOT NULL PRIMARY KEY,
    new_last_four TEXT NOT NULL,
    old_key TEXT NOT NULL,
    old_last_four TEXT NOT NULL,
    company_id TEXT NOT NULL REFERENCES companies (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'dev', 'prod')),
    started_at {int} NOT NULL,
    started_by TEXT NOT NULL,
    delete_at {int},
    quiet_ms {int} CHECK (quiet_ms > 0),
    plan_by TEXT NOT NULL,
    cancelled_at {int},
    cancelled_by TEXT,
    ended_at {int},
    ended_as TEXT CHECK (ended_as IN ('rotated', 'old_key_deleted', 'new_key_deleted')),
    CHECK (delete_at IS NULL OR quiet_ms IS NULL),
    CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_as IS NULL))
) {strict};
-- An environment has two slots, so it has room for one rotation.
CREATE UNIQUE INDEX key_rotations_open ON key_rotations (company_id, environment) WHERE ended_at IS NULL;
CREATE INDEX key_rotations_of_old_key ON key_rotations (old_key);
