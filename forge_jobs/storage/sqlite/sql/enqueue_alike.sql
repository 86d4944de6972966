-- Stores many jobs, in the order given, that differ in their ids and payloads only: half of what single rows take. The ids
-- stand one behind the other, the payloads are a JSON list of texts.
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts, time_limit,
                 expires_at, trace, payload)
SELECT substr(?1, 16 * key + 1, 16), ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, atom
FROM json_each(?2)
