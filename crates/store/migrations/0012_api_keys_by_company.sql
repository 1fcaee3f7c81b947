-- The keys of a company, deleted ones included: a filter of the log names them by their last four characters.
CREATE INDEX api_keys_by_company ON api_keys (company_id);
