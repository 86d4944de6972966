-- Gives jobs in line to claims, numbered in their order; an attempt of each begins. (The write lock is held since they
-- were read.) One statement: to begin another for each job costs a third more.
UPDATE job
SET status = 'in_progress', gate = NULL, attempts = min(attempts, 999999) + 1, process_id = ?1, claim_no = ?2 + chosen.key,
    started_at = ?3
FROM json_each(?4) AS chosen
WHERE job.seq = chosen.value
