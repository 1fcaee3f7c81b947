-- How many days a company's log is kept, where that is fewer than for the installation. NULL for a brand: its parent's
-- number applies.
ALTER TABLE companies ADD COLUMN log_days {int};
