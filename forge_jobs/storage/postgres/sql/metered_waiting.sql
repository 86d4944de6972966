-- The kinds with rate limits of which jobs wait for a place of their kind. (The order is that of the index to be read.)
SELECT name FROM forge_jobs.kind
WHERE metered AND (
    SELECT true FROM forge_jobs.job WHERE gate = 5 AND job.kind = kind.name ORDER BY priority, scheduled_at, seq LIMIT 1)
ORDER BY name
