-- Opens the gate of jobs whose time has come, the longest due first.
UPDATE job SET gate = 0
WHERE seq IN (SELECT seq FROM job WHERE gate = 1 AND scheduled_at <= ? ORDER BY scheduled_at LIMIT ?)
RETURNING queue
