-- Adds a line to the error history of a job that was stored from an archive.
INSERT INTO job_error (seq, no, entry) VALUES (?, ?, ?)
