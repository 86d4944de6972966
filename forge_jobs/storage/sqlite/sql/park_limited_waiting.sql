-- Takes jobs of a kind with limits out of the others' way that wait for a place of their kind in a queue that nobody serves.
UPDATE job SET gate = 4, holds_key = NULL
WHERE seq IN (SELECT seq FROM job WHERE gate = 5 AND kind = ?2 AND queue = ?1 AND limit_key IS NOT NULL LIMIT ?3)
RETURNING kind, limit_key
