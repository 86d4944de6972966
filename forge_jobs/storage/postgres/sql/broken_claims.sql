-- Two jobs that run under one claim: a worker's hand-in would end both.
SELECT NULL, 'process ' || process_id || ' has claim ' || claim_no || ' ' || count(*) || ' times' FROM forge_jobs.job
WHERE status = 'in_progress'
GROUP BY process_id, claim_no
HAVING count(*) > 1
LIMIT $1
