-- Says that a supervisor lives, and what its board shows; gives back a row if it is registered.
UPDATE host SET beat_at = ?, workers = ? WHERE host_id = ? RETURNING host_id
