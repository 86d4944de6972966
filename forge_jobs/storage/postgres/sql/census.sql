-- Every registered worker, its host, since when, and whether it holds claims; then who holds claims and is not registered.
SELECT process_id, host_id, started_at,
       EXISTS (SELECT 1 FROM forge_jobs.job WHERE job.status = 'in_progress' AND job.process_id = process.process_id)
FROM forge_jobs.process
UNION ALL
SELECT DISTINCT process_id, NULL, NULL::timestamptz, true FROM forge_jobs.job
WHERE status = 'in_progress' AND NOT EXISTS (SELECT 1 FROM forge_jobs.process WHERE process.process_id = job.process_id)
