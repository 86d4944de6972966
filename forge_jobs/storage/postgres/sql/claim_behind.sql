-- Claims as claim does, but passes over the jobs of the same priority up to a place in line.
WITH allowed AS MATERIALIZED (
    SELECT 1
    WHERE EXISTS (SELECT 1 FROM forge_jobs.process WHERE process_id = $1)
      AND NOT EXISTS (
          SELECT 1 FROM forge_jobs.queue
          WHERE name = $2 AND (paused OR CASE WHEN max_workers IS NOT NULL THEN max_workers <= (
              SELECT count(DISTINCT process_id) FROM forge_jobs.job
              WHERE status = 'in_progress' AND queue = $2 AND process_id <> $1) ELSE false END))
), urgent AS MATERIALIZED (
    SELECT job.seq, job.kind, octet_length(job.payload::text) AS size, job.priority, job.scheduled_at
    FROM forge_jobs.job
    WHERE gate = 0 AND queue = $2 AND kind = ANY($3::text[]) AND (expires_at IS NULL OR expires_at > $7)
      AND EXISTS (SELECT 1 FROM allowed)
      AND priority < $11
    ORDER BY priority, scheduled_at, seq
    LIMIT $4
    FOR UPDATE SKIP LOCKED
), behind AS MATERIALIZED (
    SELECT job.seq, job.kind, octet_length(job.payload::text) AS size, job.priority, job.scheduled_at
    FROM forge_jobs.job
    WHERE gate = 0 AND queue = $2 AND kind = ANY($3::text[]) AND (expires_at IS NULL OR expires_at > $7)
      AND EXISTS (SELECT 1 FROM allowed)
      AND (priority, scheduled_at, seq) > ($11, $12, $13)
    ORDER BY priority, scheduled_at, seq
    LIMIT $4 - (SELECT count(*) FROM urgent)
    FOR UPDATE SKIP LOCKED
), line AS (
    SELECT * FROM urgent UNION ALL SELECT * FROM behind
), costs AS (
    SELECT * FROM unnest($8::text[], $9::float8[]) AS c (kind, cost)
), placed AS (
    SELECT line.seq, row_number() OVER w AS place,
           sum(coalesce(costs.cost, 'infinity')) OVER w AS cost, sum(line.size) OVER w AS size
    FROM line LEFT JOIN costs ON costs.kind = line.kind
    WINDOW w AS (ORDER BY line.priority, line.scheduled_at, line.seq)
), chosen AS (
    SELECT seq, place FROM placed WHERE place = 1 OR (cost <= $5 AND size <= $6)
)
UPDATE forge_jobs.job
SET status = 'in_progress', gate = NULL, attempts = attempts + 1, process_id = $1, started_at = $7,
    claim_no = $10 + chosen.place - 1
FROM chosen WHERE job.seq = chosen.seq
RETURNING job.seq, job.id, job.kind, job.claim_no, job.attempts, job.max_attempts, job.crashes, job.payload,
          job.time_limit, job.expires_at, job.priority, job.scheduled_at,
          extract(epoch FROM clock_timestamp() - statement_timestamp())::float8
