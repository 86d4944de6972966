-- Keys for which jobs wait although nobody has a place of theirs, and kinds of which jobs wait.
SELECT DISTINCT kind, coalesce(limit_key, '') FROM forge_jobs.job AS waiting
WHERE gate = 2 AND NOT EXISTS (
    SELECT 1 FROM forge_jobs.job AS other
    WHERE other.kind = waiting.kind AND other.limit_key = waiting.limit_key AND other.holds_key)
UNION ALL
SELECT name, '' FROM forge_jobs.kind WHERE EXISTS (SELECT 1 FROM forge_jobs.job WHERE gate = 5 AND job.kind = kind.name)
LIMIT $1
