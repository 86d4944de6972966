-- Jobs of a kind that run, and are under its limits, with their keys; nobody else has them meanwhile. (An expression:
-- what is ready is not to be read.)
SELECT seq, payload, limit_key FROM forge_jobs.job
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE status = 'in_progress' AND kind = $1 AND (limit_key || '') IS NOT NULL
    FOR UPDATE SKIP LOCKED))
