-- Stores one job unless a live one holds its (kind, unique key); gives back a row only if it was stored.
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                 expires_at, trace, payload, limit_key, unique_key)
VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
DO NOTHING
RETURNING seq
