-- What an operator needs to see and take back members and sessions. Read by `store::accounts`.

-- Where a session was begun from.
ALTER TABLE sessions ADD COLUMN address TEXT;
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX members_by_company ON members (company_id);

-- Moves whenever a session ends before its time, so that open streams on other nodes ask whether they may go on.
ALTER TABLE install ADD COLUMN sessions_version {int} NOT NULL DEFAULT 0;
