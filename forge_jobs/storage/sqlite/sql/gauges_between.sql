-- What hosts and the database looked like in a stretch of time; the first bound is in it, the second not.
SELECT minute, entry FROM gauge WHERE minute >= ? AND minute < ? ORDER BY minute, host_id
