-- Removes one job's row.
DELETE FROM forge_jobs.job WHERE seq = $1
