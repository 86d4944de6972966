-- Whether this worker's own registry row is there: without it an exchange does nothing.
SELECT host_id FROM process WHERE process_id = ?
