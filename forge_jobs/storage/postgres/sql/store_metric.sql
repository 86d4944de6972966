-- Stores what is known now of one minute of a queue's kind, or of all time.
INSERT INTO forge_jobs.metric (minute, queue, kind, entry) VALUES ($1, $2, $3, $4::text::json)
ON CONFLICT (minute, queue, kind) DO UPDATE SET entry = excluded.entry
