-- Records successes, each only of the claim that is named, and tallies them; gives their kinds and since when each
-- might have started. A later cancel changes nothing. (IS TRUE:
-- the rows are found by their key; the index of running jobs may be full of dead ones.)
WITH mine AS MATERIALIZED (
    SELECT job.seq, e.result, e.started_at, e.finished_at, e.cpu_time, e.peak_memory, process.host_id
    FROM unnest($2::bigint[], $3::bigint[], $4::json[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::bigint[])
         AS e (seq, claim_no, result, started_at, finished_at, cpu_time, peak_memory)
    JOIN forge_jobs.job ON job.seq = e.seq
         AND (job.process_id = $1 AND job.claim_no = e.claim_no AND job.status = 'in_progress') IS TRUE
    LEFT JOIN forge_jobs.process ON process.process_id = $1
    ORDER BY job.seq
    FOR UPDATE OF job
), ended AS (
    UPDATE forge_jobs.job
    SET status = 'done', result = mine.result, crashes = 0, started_at = mine.started_at,
        finished_at = mine.finished_at, cpu_time = mine.cpu_time, peak_memory = mine.peak_memory,
        cancel_requested_at = NULL, holds_key = NULL
    FROM mine WHERE job.seq = mine.seq
    RETURNING job.seq, job.queue, mine.host_id, job.kind, job.limit_key,
              greatest(job.scheduled_at, job.enqueued_at) AS since
), tallied AS (
    INSERT INTO forge_jobs.tally (host_id, queue, outcome, change)
    SELECT coalesce($9::text, host_id), queue, 'done', count(*) FROM ended GROUP BY 1, queue
)
SELECT seq, kind, limit_key, since FROM ended
