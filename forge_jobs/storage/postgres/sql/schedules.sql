-- Every schedule by name.
SELECT name, kind, payload, queue, priority, max_attempts, expression, timezone, overlap, misfire, jitter, enabled, declared,
       next_fire_at, last_fire_at, last_error, created_at, updated_at
FROM forge_jobs.schedule ORDER BY name
