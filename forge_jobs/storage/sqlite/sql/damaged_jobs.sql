-- Jobs that have not ended and of whose rows no program can make anything: SQLite keeps any type in any column, and a hand
-- can get past every CHECK. utf8: the text is some. Every live row is read; asked for only after something went wrong.
SELECT seq FROM job
WHERE (status IN ('done', 'dead')) IS NOT TRUE AND (
    typeof(id) = 'blob' AND length(id) = 16 AND status IN ('pending', 'in_progress', 'failed')
    AND typeof(queue) = 'text' AND utf8(CAST(queue AS BLOB)) AND typeof(kind) = 'text' AND utf8(CAST(kind AS BLOB))
    AND (gate IS NULL) = (status = 'in_progress') AND coalesce(gate, 0) IN (0, 1, 2, 3, 4, 5)
    AND (gate IS NULL OR gate <> 2 OR limit_key IS NOT NULL)
    AND (status <> 'in_progress' OR (typeof(process_id) = 'integer' AND typeof(claim_no) = 'integer'))
    AND typeof(priority) = 'integer' AND typeof(attempts) = 'integer' AND attempts BETWEEN 0 AND 1000000
    AND typeof(max_attempts) = 'integer' AND max_attempts BETWEEN 1 AND 1000000
    AND typeof(crashes) = 'integer' AND crashes BETWEEN 0 AND 1000000
    AND typeof(throttles) = 'integer' AND throttles BETWEEN 0 AND 1000000
    AND typeof(scheduled_at) = 'integer' AND scheduled_at BETWEEN 0 AND 253402300799999999
    AND typeof(enqueued_at) = 'integer' AND enqueued_at BETWEEN 0 AND 253402300799999999
    AND typeof(expires_at) IN ('integer', 'null')
    AND typeof(time_limit) IN ('integer', 'null') AND coalesce(time_limit, 1) > 0
    AND typeof(started_at) IN ('integer', 'null') AND typeof(cancel_requested_at) IN ('integer', 'null')
    AND finished_at IS NULL
    AND typeof(unique_key) IN ('text', 'null') AND utf8(CAST(unique_key AS BLOB))
    AND typeof(limit_key) IN ('text', 'null') AND utf8(CAST(limit_key AS BLOB))
    AND typeof(trace) IN ('text', 'null') AND utf8(CAST(trace AS BLOB))
    AND typeof(cpu_time) IN ('integer', 'null') AND typeof(peak_memory) IN ('integer', 'null')
) IS NOT TRUE
LIMIT ?
