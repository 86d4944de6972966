-- Whether this worker's own registry row is there, and that it stays until the transaction is over: a rescue waits.
SELECT host_id FROM forge_jobs.process WHERE process_id = $1 FOR SHARE
