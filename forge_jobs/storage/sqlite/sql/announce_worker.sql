-- Registers one worker.
INSERT INTO process (process_id, host_id, queue, number, pid, started_at) VALUES (?, ?, ?, ?, ?, ?)
