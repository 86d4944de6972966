-- Whether a queue has a ready job of one of the kinds.
SELECT EXISTS (SELECT 1 FROM job WHERE gate = 0 AND queue = ? AND kind IN (SELECT value FROM json_each(?)))
