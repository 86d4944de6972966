-- Gives one job in line to a claim; an attempt begins. (The write lock is held since the job was read.)
UPDATE job
SET status = 'in_progress', gate = NULL, attempts = attempts + 1, process_id = ?, claim_no = ?, started_at = ?
WHERE seq = ?
