-- Makes the first jobs ready that wait for a place of their kind, and whose queue is not paused.
UPDATE job SET gate = 0
WHERE seq IN (SELECT seq FROM job WHERE gate = 5 AND kind = ? AND queue NOT IN (SELECT name FROM queue WHERE paused)
              ORDER BY priority, scheduled_at, seq LIMIT ?)
RETURNING queue
