-- One queue's settings. If it has a cap, claims of it are made one after the other from here on: each must see the one
-- before.
WITH turn AS MATERIALIZED (
    SELECT 1 FROM forge_jobs.queue WHERE name = $1 AND max_workers IS NOT NULL FOR NO KEY UPDATE
)
SELECT name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead, max_workers, memory_limit,
       (SELECT count(*) FROM turn)
FROM forge_jobs.queue WHERE name = $1
