-- Creates a queue; an existing one keeps what its operator set.
INSERT INTO queue (name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead, max_workers,
                   memory_limit, keep_done_jobs, keep_dead_jobs, cool_down, throttles, throttled_until)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING
