-- The kinds with rate limits of which jobs wait for a place of their kind.
SELECT name FROM forge_jobs.kind
WHERE metered AND EXISTS (SELECT 1 FROM forge_jobs.job WHERE gate = 5 AND job.kind = kind.name) ORDER BY name
