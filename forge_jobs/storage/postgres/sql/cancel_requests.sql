-- The claims that somebody wants stopped.
SELECT process_id, claim_no FROM forge_jobs.job WHERE status = 'in_progress' AND cancel_requested_at IS NOT NULL
