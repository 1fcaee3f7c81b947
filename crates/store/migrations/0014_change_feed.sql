-- The number of the change, see `change_version`, in which a row was last written that decides who may pass. Nodes read
-- the rows beyond the number they have. 0: before there were numbers; a node reads everything when it starts.
ALTER TABLE companies ADD COLUMN changed_in {int} NOT NULL DEFAULT 0;
CREATE INDEX companies_by_change ON companies (changed_in);
ALTER TABLE api_keys ADD COLUMN changed_in {int} NOT NULL DEFAULT 0;
CREATE INDEX api_keys_by_change ON api_keys (changed_in);

-- The latest number of a row that was removed. A node that has not come so far reads everything.
ALTER TABLE change_version ADD COLUMN removed {int} NOT NULL DEFAULT 0;
