-- Notes what a transaction did to the jobs of one kind.
INSERT INTO forge_jobs.metric_entry (at, queue, kind, entry) VALUES ($1, $2, $3, $4::text::json)
