-- Declares a host dead, unless it has given a sign of life since it was last seen.
UPDATE forge_jobs.host SET dead = true WHERE host_id = $1 AND beat_no = $2 RETURNING host_id
