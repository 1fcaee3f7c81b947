-- Views of the log that a member has given a name: the query of their address. They go with the membership.
CREATE TABLE saved_views (
    id TEXT NOT NULL PRIMARY KEY,
    company_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at {int} NOT NULL,
    UNIQUE (person_id, company_id, name),
    FOREIGN KEY (person_id, company_id) REFERENCES members (person_id, company_id) ON DELETE CASCADE
) {strict};
