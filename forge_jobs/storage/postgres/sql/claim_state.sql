-- What the named claim's row says now; nobody changes it until the transaction is over.
SELECT status, cancel_requested_at, attempts, kind, limit_key, greatest(scheduled_at, enqueued_at) FROM forge_jobs.job
WHERE seq = $1 AND (process_id = $2 AND claim_no = $3) IS TRUE FOR UPDATE
