-- Gives one job in line to a claim; an attempt begins. (The row is locked since it was read.)
UPDATE forge_jobs.job
SET status = 'in_progress', gate = NULL, attempts = least(attempts, 999999) + 1, process_id = $1, claim_no = $2, started_at = $3
WHERE seq = $4
