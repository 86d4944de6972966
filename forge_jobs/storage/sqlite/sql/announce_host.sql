-- Registers a supervisor; of one that is registered already, what a reload may have changed.
INSERT INTO host (host_id, hostname, pid, label, version, queues, kinds, life_lock, started_at, beat_at, workers)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]')
ON CONFLICT (host_id) DO UPDATE
SET label = excluded.label, version = excluded.version, queues = excluded.queues, kinds = excluded.kinds,
    beat_at = excluded.beat_at
