-- Jobs that are claimed, for those who follow what happens.
SELECT seq, id, kind, queue, attempts, started_at, started_at, NULL, process_id, claim_no, NULL
FROM job WHERE status = 'in_progress' LIMIT ?1
