-- What the rows of the named claims say now; nobody changes them until the transaction is over.
SELECT job.seq, status, cancel_requested_at, attempts, kind, limit_key, greatest(scheduled_at, enqueued_at)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS mine (seq, process_id, claim_no)
JOIN forge_jobs.job ON job.seq = mine.seq AND (job.process_id = mine.process_id AND job.claim_no = mine.claim_no) IS TRUE
ORDER BY job.seq
FOR UPDATE OF job
