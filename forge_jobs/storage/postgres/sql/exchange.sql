-- Hands in successes and claims what is next, and notes both for the metrics, in one statement: what a process does that
-- is not registered any more matches nothing, and its own row stays until the end, so that a rescue waits. Successes must
-- come in the order of their keys, in which everybody locks. First a row without a job: whose process this is, which
-- successes were recorded, and the queue's settings. The last claim says its place in line, and how long it all took.
-- The line is read behind a place in it ($18 to $20), and before that only where a priority is more urgent. Rows that
-- another claims just now are passed over; MATERIALIZED: each LIMIT is taken once. A queue with a cap gives something
-- only to a claim that has its turn ($21, queue_turn): each must see the one before. Where a ready job takes tokens to
-- start, nothing is claimed here, and that is told. Jobs in line whose kind has got limits since they were stored (strays)
-- are put under them instead.
WITH me AS MATERIALIZED (
    SELECT process_id, host_id FROM forge_jobs.process WHERE process_id = $1 FOR SHARE
), ended AS (
    UPDATE forge_jobs.job
    SET status = 'done', result = mine.result, crashes = 0, started_at = mine.started_at,
        finished_at = mine.finished_at, cpu_time = mine.cpu_time, peak_memory = mine.peak_memory,
        cancel_requested_at = NULL, holds_key = NULL
    FROM unnest($11::bigint[], $12::bigint[], $13::json[], $14::timestamptz[], $15::timestamptz[], $16::bigint[],
                $17::bigint[]) AS mine (seq, claim_no, result, started_at, finished_at, cpu_time, peak_memory)
    WHERE job.seq = mine.seq AND EXISTS (SELECT 1 FROM me)
      AND (job.process_id = $1 AND job.claim_no = mine.claim_no AND job.status = 'in_progress') IS TRUE
    RETURNING job.seq, job.queue, job.kind, job.limit_key, job.cpu_time,
              CASE WHEN isfinite(greatest(job.scheduled_at, job.enqueued_at)) THEN round(1e6 * date_part(
                  'epoch', job.started_at - greatest(job.scheduled_at, job.enqueued_at)))::bigint ELSE 0 END AS wait,
              round(1e6 * date_part('epoch', job.finished_at - job.started_at))::bigint AS run
), tallied AS (
    INSERT INTO forge_jobs.tally (host_id, queue, outcome, change)
    SELECT (SELECT host_id FROM me), queue, 'done', count(*) FROM ended GROUP BY queue
), noted AS (
    INSERT INTO forge_jobs.admission (kind, limit_key)
    SELECT DISTINCT kind, limit_key FROM ended WHERE limit_key IS NOT NULL
), allowed AS MATERIALIZED (
    SELECT 1 FROM me
    WHERE NOT EXISTS (
        SELECT 1 FROM forge_jobs.queue
        WHERE name = $2 AND CASE
            WHEN paused OR throttled_until > $7 THEN true
            WHEN max_workers IS NULL THEN false
            WHEN $21 THEN max_workers <= (SELECT count(DISTINCT process_id) FROM forge_jobs.job
                                          WHERE status = 'in_progress' AND queue = $2 AND process_id <> $1)
            ELSE true
        END)
), metered AS MATERIALIZED (
    SELECT 1 FROM forge_jobs.kind
    WHERE metered AND EXISTS (
        SELECT 1 FROM forge_jobs.job
        WHERE job.kind = kind.name AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
          AND queue = $2
        OFFSET 0)  -- asked for each of these kinds: to begin with all that is ready would take as long as that is
    LIMIT 1
), open AS MATERIALIZED (
    SELECT 1 FROM allowed WHERE NOT EXISTS (SELECT 1 FROM metered)
), limited AS MATERIALIZED (
    SELECT name, concurrency_key FROM forge_jobs.kind WHERE limited
), urgent AS MATERIALIZED (
    SELECT job.seq, job.limit_key, job.kind, octet_length(job.payload::text) AS size, job.priority, job.scheduled_at
    FROM forge_jobs.job
    WHERE gate = 0 AND queue = $2 AND kind = ANY($3::text[]) AND (expires_at IS NULL OR expires_at > $7)
      AND EXISTS (SELECT 1 FROM open)
      AND priority < $18
    ORDER BY priority, scheduled_at, seq
    LIMIT $4
    FOR UPDATE SKIP LOCKED
), behind AS MATERIALIZED (
    SELECT job.seq, job.limit_key, job.kind, octet_length(job.payload::text) AS size, job.priority, job.scheduled_at
    FROM forge_jobs.job
    WHERE gate = 0 AND queue = $2 AND kind = ANY($3::text[]) AND (expires_at IS NULL OR expires_at > $7)
      AND EXISTS (SELECT 1 FROM open)
      AND (priority, scheduled_at, seq) > ($18, $19, $20)
    ORDER BY priority, scheduled_at, seq
    LIMIT $4 - (SELECT count(*) FROM urgent)
    FOR UPDATE SKIP LOCKED
), line AS (
    SELECT * FROM urgent UNION ALL SELECT * FROM behind
), strays AS (
    UPDATE forge_jobs.job
    SET limit_key = stray.limit_key, gate = CASE stray.limit_key WHEN '' THEN 5 ELSE 2 END
    FROM (
        SELECT old.seq, coalesce(nullif(regexp_replace(
                   (replace(old.payload::text, '\u0000', '\ufffd')::json -> limited.concurrency_key)::text,
                   '^"(.*)"$', '\1'), 'null'), '') AS limit_key
        FROM line JOIN limited ON limited.name = line.kind JOIN forge_jobs.job AS old ON old.seq = line.seq
        WHERE line.limit_key IS NULL
    ) AS stray
    WHERE job.seq = stray.seq
    RETURNING job.kind, job.limit_key
), noted_strays AS (
    INSERT INTO forge_jobs.admission (kind, limit_key) SELECT DISTINCT kind, limit_key FROM strays
), costs AS (
    SELECT * FROM unnest($8::text[], $9::float8[]) AS c (kind, cost)
), placed AS (
    SELECT line.seq, row_number() OVER w AS place,
           sum(coalesce(costs.cost, 'infinity')) OVER w AS cost, sum(line.size) OVER w AS size
    FROM line LEFT JOIN costs ON costs.kind = line.kind
    WHERE line.limit_key IS NOT NULL OR line.kind NOT IN (SELECT name FROM limited)
    WINDOW w AS (ORDER BY line.priority, line.scheduled_at, line.seq)
), chosen AS (
    SELECT seq, place FROM placed WHERE place = 1 OR (cost <= $5 AND size <= $6)
), claimed AS (
    UPDATE forge_jobs.job
    SET status = 'in_progress', gate = NULL, attempts = least(attempts, 999999) + 1, process_id = $1, started_at = $7,
        claim_no = $10 + chosen.place - 1
    FROM chosen WHERE job.seq = chosen.seq
    RETURNING job.seq, job.id::text, job.kind, job.claim_no, job.attempts, job.max_attempts, job.crashes, job.payload,
              job.time_limit, job.expires_at, job.limit_key, job.throttles, job.trace, job.priority,
              CASE chosen.place WHEN (SELECT count(*) FROM chosen) THEN job.scheduled_at END,
              CASE chosen.place WHEN (SELECT count(*) FROM chosen)
                  THEN date_part('epoch', clock_timestamp() - statement_timestamp()) END
), counted AS (
    INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry)
    SELECT $7, queue, kind, json_build_object('done', count(*), 'cpu', coalesce(sum(cpu_time), 0),
                                              'waits', json_agg(wait), 'runs', json_agg(run))
    FROM ended GROUP BY queue, kind
    UNION ALL
    SELECT $7, $2, kind, json_build_object('claimed', count(*)) FROM claimed GROUP BY kind
)
SELECT json_build_array(
           (SELECT host_id FROM me), ARRAY(SELECT seq FROM ended), EXISTS (SELECT 1 FROM allowed),
           EXISTS (SELECT 1 FROM metered), name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead,
           max_workers, memory_limit, keep_done_jobs, keep_dead_jobs, cool_down, throttles,
           CASE WHEN isfinite(throttled_until) THEN round(1e6 * date_part('epoch', throttled_until))::bigint END) AS header,
       NULL::bigint AS seq, NULL::text AS id, NULL AS kind, NULL::bigint AS claim_no, NULL::integer AS attempts,
       NULL::integer AS max_attempts, NULL::integer AS crashes, NULL::json AS payload, NULL::bigint AS time_limit,
       NULL::timestamptz AS expires_at, NULL AS limit_key, NULL::integer AS throttles, NULL AS trace,
       NULL::integer AS priority, NULL::timestamptz AS scheduled_at, NULL::float8 AS took
FROM (SELECT 1) AS one LEFT JOIN forge_jobs.queue ON name = $2
UNION ALL
SELECT NULL, claimed.* FROM claimed
