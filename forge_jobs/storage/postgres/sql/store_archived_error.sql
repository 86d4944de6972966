-- Adds a line to the error history of a job that was stored from an archive.
INSERT INTO forge_jobs.job_error (seq, no, entry) SELECT seq, $2, $3::json FROM forge_jobs.job WHERE id = $1::uuid
