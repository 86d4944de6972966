-- The jobs that have the places of a concurrency key, the longest stored first.
SELECT id FROM forge_jobs.job WHERE kind = $1 AND limit_key = $2 AND holds_key ORDER BY seq LIMIT $3
