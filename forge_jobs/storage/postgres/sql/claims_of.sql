-- What a process holds by the record, in the order of its claim numbers.
SELECT seq, id, kind, queue, claim_no, attempts, max_attempts, crashes, started_at
FROM forge_jobs.job WHERE status = 'in_progress' AND process_id = $1 ORDER BY claim_no
