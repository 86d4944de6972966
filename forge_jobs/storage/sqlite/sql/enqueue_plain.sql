-- Stores one job that has no unique key and a payload that fits its row.
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                 expires_at, trace, payload, limit_key)
VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
