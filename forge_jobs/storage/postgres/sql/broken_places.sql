-- Jobs that have, or wait for, a place of a limit that they are not under.
SELECT id, CASE WHEN limit_key IS NULL THEN 'is under no limit, but ' ELSE 'has no concurrency key, but ' END
           || CASE WHEN gate IN (2, 5) THEN 'waits for a place' ELSE 'has a place of a key' END
FROM forge_jobs.job
WHERE (limit_key IS NULL AND (gate = 5 OR holds_key)) OR (limit_key = '' AND (gate = 2 OR holds_key))
LIMIT $1
