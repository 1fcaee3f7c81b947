-- The counters of the log, in one row. `next_seq` continues above the rows of `log_entries`, with room for what a node of
-- the version before still writes. `change` is the number of the last change to the list of segments.
CREATE TABLE log_order (
    id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
    next_seq {int} NOT NULL,
    next_segment {int} NOT NULL,
    change {int} NOT NULL
) {strict};
INSERT INTO log_order (id, next_seq, next_segment, change)
    SELECT 1, COALESCE(MAX(seq) + 1000000, 0) + 1, 1, 0 FROM log_entries;

-- One row for each closed segment: up to 65,536 rows of the log, whose columns are in a file or in a table of the day. `head`
-- says where. `day` is the UTC day of storing, counted from 1970. `change` is when the row was last written, by the counter
-- of that name.
CREATE TABLE log_segments (
    id {int} NOT NULL PRIMARY KEY,
    run_id {int} NOT NULL,
    day {int} NOT NULL,
    row_count {int} NOT NULL,
    first_seq {int} NOT NULL,
    last_seq {int} NOT NULL,
    at_from {int} NOT NULL,
    at_to {int} NOT NULL,
    rows_bytes {int} NOT NULL,
    bodies_bytes {int} NOT NULL,
    bodies_removed {int} NOT NULL,
    damaged {int} NOT NULL,
    change {int} NOT NULL,
    head {blob} NOT NULL
) {strict};
CREATE INDEX log_segments_by_change ON log_segments (change);
CREATE INDEX log_segments_by_day ON log_segments (day, id);

-- The rows of segments that are not closed: each batch as it was written. A batch is known by its run and the number of its
-- first row within that run, so one that is written again changes nothing.
CREATE TABLE log_tail (
    run_id {int} NOT NULL,
    first_row {int} NOT NULL,
    segment {int} NOT NULL,
    day {int} NOT NULL,
    first_seq {int} NOT NULL,
    row_count {int} NOT NULL,
    stored_at {int} NOT NULL,
    data {blob} NOT NULL,
    PRIMARY KEY (run_id, first_row)
) {strict};
CREATE UNIQUE INDEX log_tail_by_seq ON log_tail (first_seq);
CREATE INDEX log_tail_by_segment ON log_tail (segment, first_seq);

-- The number of the row after the last one that the run has stored.
ALTER TABLE log_runs ADD COLUMN next_row {int} NOT NULL DEFAULT 0;
