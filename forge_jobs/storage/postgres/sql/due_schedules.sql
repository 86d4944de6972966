-- Enabled schedules whose time has come or is not known, those without an error first: one that fails holds up nobody.
SELECT name, kind, payload, queue, priority, max_attempts, expression, timezone, overlap, misfire, jitter, enabled, declared,
       next_fire_at, last_fire_at, last_error, created_at, updated_at
FROM forge_jobs.schedule WHERE enabled AND (next_fire_at IS NULL OR next_fire_at <= $1)
ORDER BY last_error IS NOT NULL, next_fire_at LIMIT $2
