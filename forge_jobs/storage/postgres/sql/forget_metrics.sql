-- Removes minutes before an instant, at most so many; what stands for all time stays.
DELETE FROM forge_jobs.metric WHERE (minute, queue, kind) IN (
    SELECT minute, queue, kind FROM forge_jobs.metric
    WHERE minute > to_timestamp(0) AND minute < $1 ORDER BY minute LIMIT $2)
