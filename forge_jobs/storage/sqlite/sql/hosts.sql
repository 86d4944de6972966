-- Every registered supervisor.
SELECT host_id, hostname, pid, label, version, queues, kinds, life_lock, started_at, beat_at, workers
FROM host ORDER BY started_at, host_id
