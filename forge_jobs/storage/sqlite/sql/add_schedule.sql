-- Stores a new schedule; an error where there is one of that name.
INSERT INTO schedule (name, kind, payload, queue, priority, max_attempts, expression, timezone, overlap, misfire, jitter, enabled, declared,
       next_fire_at, last_fire_at, last_error, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
