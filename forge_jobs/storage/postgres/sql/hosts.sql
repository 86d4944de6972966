-- Every registered supervisor.
SELECT host_id, hostname, pid, label, version, queues, kinds, life_lock, started_at, beat_at, beat_no, dead, workers
FROM forge_jobs.host ORDER BY started_at, host_id
