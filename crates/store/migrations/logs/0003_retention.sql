-- `room_until` is the arrival of the newest request that was removed to make room. `keeper` is the node that removes and
-- erases now, until `keeper_until`.
ALTER TABLE log_order ADD COLUMN room_until {int};
ALTER TABLE log_order ADD COLUMN keeper {int};
ALTER TABLE log_order ADD COLUMN keeper_until {int};

-- The last erasure that was looked for in the segment.
ALTER TABLE log_segments ADD COLUMN erased {int} NOT NULL DEFAULT 0;

-- The receipts of erasures: whose requests, that arrived until when, who asked, and what has been done.
CREATE TABLE log_erasures (
    id {int} NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    brands {int} NOT NULL,
    asked_by TEXT NOT NULL,
    erased_until {int} NOT NULL,
    rows_removed {int} NOT NULL,
    segments_rewritten {int} NOT NULL,
    finished_at {int}
) {strict};

-- The Client IDs of an erasure, with the parent of each brand. `change` is counted like that of segments, so that every node
-- hides the rows before its next answer.
CREATE TABLE log_erased (
    erasure {int} NOT NULL,
    client_id TEXT NOT NULL,
    root_id TEXT NOT NULL,
    erased_until {int} NOT NULL,
    change {int} NOT NULL,
    PRIMARY KEY (erasure, client_id)
) {strict};
CREATE INDEX log_erased_by_change ON log_erased (change);
