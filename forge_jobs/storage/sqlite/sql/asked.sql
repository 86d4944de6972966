-- What has been asked of a host and is neither answered nor old.
SELECT no, process_id, verb FROM request WHERE host_id = ? AND answer IS NULL AND asked_at > ? ORDER BY no
