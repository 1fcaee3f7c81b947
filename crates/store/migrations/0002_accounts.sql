-- The installation, companies, people, sign-in and the operator's tokens. Written by `store::accounts`.

-- One row: what sealed secrets are bound to, and check values of master key and pepper.
CREATE TABLE install (
    one {int} NOT NULL PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    master_key_check {blob} NOT NULL,
    pepper_check {blob} NOT NULL,
    created_at {int} NOT NULL
) {strict};

-- A brand is a company with a parent.
CREATE TABLE companies (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    parent_id TEXT REFERENCES companies (id),
    created_at {int} NOT NULL
) {strict};
CREATE INDEX companies_by_parent ON companies (parent_id, name);

-- Addresses are stored in lower case.
CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created_at {int} NOT NULL
) {strict};

CREATE TABLE members (
    id TEXT NOT NULL PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES companies (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    role TEXT NOT NULL,
    created_at {int} NOT NULL,
    UNIQUE (person_id, company_id)
) {strict};

-- The SHA-256 of the token; the token itself is in the browser alone.
CREATE TABLE sessions (
    token_hash {blob} NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    created_at {int} NOT NULL,
    seen_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    proof_at {int} NOT NULL
) {strict};
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE operator_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash {blob} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at {int} NOT NULL
) {strict};
