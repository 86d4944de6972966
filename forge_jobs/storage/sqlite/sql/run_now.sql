-- Makes a job that waits for its time ready.
UPDATE job SET gate = 0, scheduled_at = min(scheduled_at, ?) WHERE seq = ? AND gate = 1
