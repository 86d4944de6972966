-- Says that a supervisor lives, and what its board shows.
UPDATE host SET beat_at = ?, workers = ? WHERE host_id = ?
