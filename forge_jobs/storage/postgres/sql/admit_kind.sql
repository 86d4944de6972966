-- Makes the first jobs ready that wait for a place of their kind, and whose queue is not paused. (An
-- expression: no index that has the queue in it is in the order that is wanted.)
UPDATE forge_jobs.job SET gate = 0
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 5 AND kind = $1
      AND (queue || '') <> ALL (ARRAY(SELECT name FROM forge_jobs.queue WHERE paused))
    ORDER BY priority, scheduled_at, seq LIMIT $2
    FOR UPDATE SKIP LOCKED))
RETURNING queue
