-- Stores a job that carries an event, ready to be claimed.
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, payload)
VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?5, ?5, ?6, ?7)
RETURNING seq
