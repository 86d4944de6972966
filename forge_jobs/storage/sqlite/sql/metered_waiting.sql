-- The kinds with rate limits of which jobs wait for a place of their kind.
SELECT name FROM kind
WHERE metered AND EXISTS (SELECT 1 FROM job WHERE gate = 5 AND job.kind = kind.name) ORDER BY name
