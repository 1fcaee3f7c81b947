-- One row for each stored request. `seq` is the order of storing: lists and cursors go by it. Every index leads with whose
-- it is. `root_id` is the parent of a brand, and any other company itself.
CREATE TABLE log_entries (
    seq {sequence},
    request_id TEXT NOT NULL UNIQUE,
    root_id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    brand TEXT,
    environment TEXT,
    key_id TEXT,
    key_last_four TEXT,
    at {int} NOT NULL,
    recorded TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status {int} NOT NULL,
    verdict TEXT NOT NULL,
    verdict_detail TEXT NOT NULL,
    duration_us {int} NOT NULL,
    upstream_us {int},
    address TEXT NOT NULL,
    user_agent TEXT
) {strict};
CREATE INDEX log_by_root ON log_entries (root_id, seq);
CREATE INDEX log_by_root_environment ON log_entries (root_id, environment, seq);
CREATE INDEX log_by_company ON log_entries (company_id, seq);

-- Headers and bodies, apart from the rows that lists read. None for a request in which no key was recognised.
CREATE TABLE log_bodies (
    seq {int} NOT NULL PRIMARY KEY,
    request_headers TEXT NOT NULL,
    request_body TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body TEXT NOT NULL
) {strict};

-- Requests of each minute (milliseconds / 60 000), written with the rows they count. Empty text stands for none, because
-- NULLs are not equal to each other in a primary key.
CREATE TABLE log_minutes (
    root_id TEXT NOT NULL,
    minute {int} NOT NULL,
    company_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    key_id TEXT NOT NULL,
    status {int} NOT NULL,
    requests {int} NOT NULL,
    first_seq {int} NOT NULL,
    last_seq {int} NOT NULL,
    PRIMARY KEY (root_id, minute, company_id, environment, key_id, status)
) {strict};
CREATE INDEX log_minutes_by_company ON log_minutes (company_id, minute);
CREATE INDEX log_minutes_by_key ON log_minutes (key_id, minute);

-- One row for each run of a server; without `ended_at` it is running, or stopped without saying so.
CREATE TABLE log_runs (
    id {sequence},
    started_at {int} NOT NULL,
    alive_at {int} NOT NULL,
    ended_at {int},
    stored {int} NOT NULL,
    dropped {int} NOT NULL,
    suppressed {int} NOT NULL
) {strict};

-- What a company's log lost within a run.
CREATE TABLE log_losses (
    run_id {int} NOT NULL,
    root_id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    dropped {int} NOT NULL,
    suppressed {int} NOT NULL,
    PRIMARY KEY (run_id, company_id)
) {strict};

-- Times in which rows may have been lost, because a run stopped uncleanly.
CREATE TABLE log_gaps (
    run_id {int} NOT NULL PRIMARY KEY,
    gap_from {int} NOT NULL,
    gap_to {int} NOT NULL
) {strict};
