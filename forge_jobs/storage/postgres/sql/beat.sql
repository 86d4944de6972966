-- Says that a supervisor lives, and what its board shows; gives back a row if it is registered and not declared dead.
UPDATE forge_jobs.host SET beat_at = $1, beat_no = beat_no % 9223372036854775807 + 1, workers = $2::json WHERE host_id = $3 AND NOT dead
RETURNING host_id
