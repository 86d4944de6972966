-- Makes a job that waits for its time ready.
UPDATE forge_jobs.job SET gate = 0, scheduled_at = least(scheduled_at, $1) WHERE seq = $2 AND (gate = 1) IS TRUE
