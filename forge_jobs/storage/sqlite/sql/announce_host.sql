-- Registers a supervisor.
INSERT INTO host (host_id, hostname, pid, label, version, queues, kinds, life_lock, started_at, beat_at, workers)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]')
ON CONFLICT (host_id) DO UPDATE SET beat_at = excluded.beat_at
