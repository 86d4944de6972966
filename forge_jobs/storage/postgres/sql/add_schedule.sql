-- Stores a new schedule; an error where there is one of that name.
INSERT INTO forge_jobs.schedule (name, kind, payload, queue, priority, max_attempts, expression, timezone, overlap, misfire, jitter, enabled, declared,
       next_fire_at, last_fire_at, last_error, created_at, updated_at)
VALUES ($1, $2, $3::json, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
