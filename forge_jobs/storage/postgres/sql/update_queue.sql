-- Replaces one queue's settings.
UPDATE forge_jobs.queue
SET paused = $2, backoff_enabled = $3, backoff_base = $4, backoff_max = $5, keep_done = $6, keep_dead = $7,
    max_workers = $8, memory_limit = $9, keep_done_jobs = $10, keep_dead_jobs = $11, cool_down = $12, throttles = $13,
    throttled_until = $14
WHERE name = $1
