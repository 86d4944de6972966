-- The status of each of the jobs named.
SELECT id, status FROM forge_jobs.job WHERE id = ANY($1::uuid[])
