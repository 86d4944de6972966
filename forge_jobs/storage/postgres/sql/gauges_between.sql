-- What hosts and the database looked like in a stretch of time; the first bound is in it, the second not.
SELECT minute, entry FROM forge_jobs.gauge WHERE minute >= $1 AND minute < $2 ORDER BY minute, host_id
