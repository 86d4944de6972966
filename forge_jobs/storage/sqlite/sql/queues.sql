-- Every queue's settings.
SELECT name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead, max_workers, memory_limit,
       keep_done_jobs, keep_dead_jobs
FROM queue ORDER BY name
