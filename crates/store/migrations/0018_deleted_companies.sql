-- A deleted company keeps its row, because its history refers to it, and its Client ID is never given out again. It has no
-- members, keys, webhooks or brands. Written by `store::accounts`.
ALTER TABLE companies ADD COLUMN deleted_at {int};
