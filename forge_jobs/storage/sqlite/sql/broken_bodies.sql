-- Bodies of no job, jobs without a payload, jobs that are done without a result, and what is no JSON.
SELECT NULL, 'a body is of job number ' || seq || ', which is not there' FROM job_body
WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.seq = job_body.seq)
UNION ALL
SELECT id, 'has no payload that can be read' FROM job LEFT JOIN job_body USING (seq)
WHERE NOT coalesce(json_valid(coalesce(job.payload, job_body.payload)), 0)
UNION ALL
SELECT id, 'is done and has no result that can be read' FROM job LEFT JOIN job_body USING (seq)
WHERE status = 'done' AND NOT coalesce(json_valid(coalesce(job.result, job_body.result)), 0)
LIMIT ?1
