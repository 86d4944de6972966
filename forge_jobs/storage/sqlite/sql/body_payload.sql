-- Puts a large payload beside its row.
INSERT INTO job_body (seq, payload) VALUES (?, ?)
