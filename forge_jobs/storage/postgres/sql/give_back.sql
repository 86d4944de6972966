-- Gives claims back that were never started, attempt and all: their jobs are ready again in their old place in line, and
-- have their places of limits still. Only of the claims that are named, and of none that is to be cancelled.
UPDATE forge_jobs.job
SET status = 'pending', gate = 0, attempts = attempts - 1, crashes = mine.crashes, started_at = NULL
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS mine (seq, claim_no, crashes)
WHERE job.seq = mine.seq
  AND (process_id = $1 AND job.claim_no = mine.claim_no AND status = 'in_progress' AND cancel_requested_at IS NULL) IS TRUE
RETURNING job.seq, kind, limit_key
