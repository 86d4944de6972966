-- What has been asked of a host and is neither answered nor old.
SELECT no, process_id, verb FROM forge_jobs.request WHERE host_id = $1 AND answer IS NULL AND asked_at > $2 ORDER BY no
