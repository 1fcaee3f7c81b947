-- How far the rows of `log_entries` have been moved into segments, in one row. They are moved from the newest to the oldest,
-- and those with a `seq` from `below` to `ceiling` have been. Then `ceiling` becomes `floor`, and rows above it follow, if a
-- node of the version before has added any. `total` is NULL until they are counted. `state` is 0 while rows are moved, 1 while
-- the former tables are removed, 2 after that, and 3 if they stay because not every row could be moved.
CREATE TABLE log_move (
    id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
    floor {int} NOT NULL,
    ceiling {int} NOT NULL,
    below {int} NOT NULL,
    moved {int} NOT NULL,
    unreadable {int} NOT NULL,
    total {int},
    state {int} NOT NULL
) {strict};
INSERT INTO log_move (id, floor, ceiling, below, moved, unreadable, total, state)
    SELECT 1, 0, COALESCE(MAX(seq), 0), COALESCE(MAX(seq), 0) + 1, 0, 0, CASE WHEN MAX(seq) IS NULL THEN 0 END, 0
    FROM log_entries;
