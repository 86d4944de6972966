-- Makes the first jobs ready that wait for a place of their kind.
UPDATE job SET gate = 0
WHERE seq IN (SELECT seq FROM job WHERE gate = 5 AND kind = ? ORDER BY priority, scheduled_at, seq LIMIT ?)
RETURNING queue
