-- What happened, who did it, and from where. Rows are only ever added.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at {int} NOT NULL,
    company_id TEXT,
    actor_kind TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) {strict};
CREATE INDEX audit_by_company ON audit (company_id, at);
