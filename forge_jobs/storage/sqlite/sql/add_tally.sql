-- Notes by how much the number of ended jobs (or failed attempts) changed.
INSERT INTO tally (host_id, queue, outcome, change) VALUES (?, ?, ?, ?)
