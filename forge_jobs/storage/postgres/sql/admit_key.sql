-- Gives the free places of a key (the third value: how many there are in all) to the first jobs that wait for one, to
-- so many at most. Where more have one than there are, takes them from the last of those that do not run. Rows that an
-- operator has locked are passed over: whoever holds them gives the places out after that.
WITH held AS MATERIALIZED (
    SELECT count(*) AS number FROM forge_jobs.job WHERE kind = $1 AND limit_key = $2 AND holds_key
)
UPDATE forge_jobs.job
SET gate = CASE gate WHEN 2 THEN 5 WHEN 1 THEN 1 ELSE 2 END, holds_key = CASE gate WHEN 2 THEN true END
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 2 AND kind = $1 AND limit_key = $2
    ORDER BY priority, scheduled_at, seq
    LIMIT (SELECT least(greatest($3 - number, 0), $4) FROM held)
    FOR UPDATE SKIP LOCKED) || ARRAY(
    SELECT seq FROM forge_jobs.job WHERE kind = $1 AND limit_key = $2 AND holds_key AND gate IS NOT NULL
    ORDER BY priority DESC, scheduled_at DESC, seq DESC
    LIMIT (SELECT least(greatest(number - $3, 0), $4) FROM held)
    FOR UPDATE SKIP LOCKED))
RETURNING seq
