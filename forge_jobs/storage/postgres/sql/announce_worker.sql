-- Registers one worker.
INSERT INTO forge_jobs.process (process_id, host_id, queue, number, pid, started_at) VALUES ($1, $2, $3, $4, $5, $6)
