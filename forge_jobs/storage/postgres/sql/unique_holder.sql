-- The live job that holds a unique key.
SELECT id FROM forge_jobs.job
WHERE kind = $1 AND unique_key = $2 AND unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
