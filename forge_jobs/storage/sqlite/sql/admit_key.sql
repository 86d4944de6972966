-- Gives the free places of a key (the third value: how many there are in all) to the first jobs that wait for one, to
-- so many at most. Where more have one than there are, takes them from the last of those that do not run.
WITH held AS MATERIALIZED (SELECT count(*) AS number FROM job WHERE kind = ?1 AND limit_key = ?2 AND holds_key = 1)
UPDATE job
SET gate = CASE gate WHEN 2 THEN 5 WHEN 1 THEN 1 ELSE 2 END, holds_key = CASE gate WHEN 2 THEN 1 END
WHERE seq IN (
    SELECT * FROM (
        SELECT seq FROM job WHERE gate = 2 AND kind = ?1 AND limit_key = ?2
        ORDER BY priority, scheduled_at, seq
        LIMIT (SELECT min(max(?3 - number, 0), ?4) FROM held))
    UNION ALL
    SELECT * FROM (
        SELECT seq FROM job WHERE kind = ?1 AND limit_key = ?2 AND holds_key = 1 AND gate IS NOT NULL
        ORDER BY priority DESC, scheduled_at DESC, seq DESC
        LIMIT (SELECT min(max(number - ?3, 0), ?4) FROM held)))
RETURNING seq
