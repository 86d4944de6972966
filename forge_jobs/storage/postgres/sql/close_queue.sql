-- Takes their places from the ready jobs of a queue; those that are claimed just now keep them.
UPDATE forge_jobs.job SET gate = 5
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 0 AND queue = $1 AND limit_key IS NOT NULL FOR UPDATE SKIP LOCKED))
