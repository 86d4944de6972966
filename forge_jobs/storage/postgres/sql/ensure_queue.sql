-- Creates a queue; an existing one keeps what its operator set.
INSERT INTO forge_jobs.queue (name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead, max_workers,
                   memory_limit, keep_done_jobs, keep_dead_jobs, cool_down, throttles, throttled_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (name) DO NOTHING
