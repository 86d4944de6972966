-- Opens the gate of jobs whose time has come, the longest due first. Those of kinds with limits wait for a place then.
UPDATE job
SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key = 1 THEN 5 ELSE 2 END
WHERE seq IN (SELECT seq FROM job WHERE gate = 1 AND scheduled_at <= ? ORDER BY scheduled_at LIMIT ?)
RETURNING queue, kind, limit_key
