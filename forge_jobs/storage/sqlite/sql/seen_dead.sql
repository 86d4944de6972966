-- Jobs of a queue that are dead since an instant, for those who follow what happens, with their last error.
SELECT seq, id, kind, queue, attempts, finished_at, started_at, NULL, process_id, claim_no,
       (SELECT entry FROM job_error WHERE job_error.seq = job.seq ORDER BY no DESC LIMIT 1)
FROM job WHERE status = 'dead' AND queue = ?1 AND finished_at >= ?2 ORDER BY finished_at LIMIT ?3
