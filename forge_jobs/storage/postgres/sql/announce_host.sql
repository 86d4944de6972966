-- Registers a supervisor; of one that is registered already, what a reload may have changed. One that was declared dead
-- lives again: its workers have to announce themselves anew.
INSERT INTO forge_jobs.host (host_id, hostname, pid, label, version, queues, kinds, life_lock, started_at, beat_at,
                             beat_no, workers)
VALUES ($1, $2, $3, $4, $5, $6::json, $7::json, $8, $9, $9, 1, '[]')
ON CONFLICT (host_id) DO UPDATE
SET label = excluded.label, version = excluded.version, queues = excluded.queues, kinds = excluded.kinds,
    beat_at = excluded.beat_at, beat_no = host.beat_no + 1, dead = false
