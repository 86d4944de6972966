-- Gives the free places of a key (the third value: how many there are in all) to the first jobs that wait for one, to
-- so many at most.
UPDATE job SET gate = 5, holds_key = 1
WHERE seq IN (
    SELECT seq FROM job WHERE gate = 2 AND kind = ?1 AND limit_key = ?2
    ORDER BY priority, scheduled_at, seq
    LIMIT min(max(?3 - (SELECT count(*) FROM job WHERE kind = ?1 AND limit_key = ?2 AND holds_key = 1), 0), ?4))
RETURNING seq
