-- The installation's event types. A removed one keeps its row: webhooks that subscribe to it keep it.
CREATE TABLE event_types (
    event_type TEXT NOT NULL PRIMARY KEY,
    place {int} NOT NULL,
    group_name TEXT NOT NULL,
    description TEXT NOT NULL,
    sample TEXT NOT NULL,
    json_schema TEXT,
    removed {int} NOT NULL,
    changed_at {int} NOT NULL
) {strict};

-- One row. Each change of the types makes the version higher; 0 is before they were written for the first time.
CREATE TABLE event_catalogue (
    id {int} NOT NULL PRIMARY KEY,
    version {int} NOT NULL
) {strict};

INSERT INTO event_catalogue (id, version) VALUES (1, 0);
