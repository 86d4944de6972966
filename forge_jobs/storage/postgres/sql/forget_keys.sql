-- Takes jobs out of their kind's limits that are ready, or wait for a place, or for a worker that knows them, so many of
-- each: whoever would claim them puts them under the new ones.
UPDATE forge_jobs.job SET gate = CASE gate WHEN 4 THEN 4 ELSE 0 END, limit_key = NULL, holds_key = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE gate = 0 AND kind = $1 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress') LIMIT $2
    FOR UPDATE SKIP LOCKED) || ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 2 AND kind = $1 AND limit_key IS NOT NULL LIMIT $2
    FOR UPDATE SKIP LOCKED) || ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 5 AND kind = $1 AND limit_key IS NOT NULL
    ORDER BY priority, scheduled_at, seq LIMIT $2
    FOR UPDATE SKIP LOCKED) || ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 4 AND gate > 1 AND kind = $1 AND limit_key IS NOT NULL LIMIT $2
    FOR UPDATE SKIP LOCKED))
RETURNING seq
