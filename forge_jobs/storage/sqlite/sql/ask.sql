-- Asks something of a host.
INSERT INTO request (host_id, process_id, verb, asked_at) VALUES (?, ?, ?, ?) RETURNING no
