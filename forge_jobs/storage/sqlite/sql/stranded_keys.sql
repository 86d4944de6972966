-- Keys for which jobs wait although nobody has a place of theirs, and kinds of which jobs wait.
SELECT DISTINCT kind, coalesce(limit_key, '') FROM job AS waiting
WHERE gate = 2 AND NOT EXISTS (
    SELECT 1 FROM job AS other
    WHERE other.kind = waiting.kind AND other.limit_key = waiting.limit_key AND other.holds_key = 1)
UNION ALL
SELECT name, '' FROM kind WHERE EXISTS (SELECT 1 FROM job WHERE gate = 5 AND job.kind = kind.name)
LIMIT ?
