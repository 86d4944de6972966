-- Gives the free places of a key (the third value: how many there are in all) to the first jobs that wait for one, to
-- so many at most. Rows that an operator has locked are passed over: whoever holds them gives the places out after that.
UPDATE forge_jobs.job SET gate = 5, holds_key = true
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 2 AND kind = $1 AND limit_key = $2
    ORDER BY priority, scheduled_at, seq
    LIMIT least(greatest($3 - (SELECT count(*) FROM forge_jobs.job
                               WHERE kind = $1 AND limit_key = $2 AND holds_key), 0), $4)
    FOR UPDATE SKIP LOCKED))
RETURNING seq
