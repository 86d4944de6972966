-- Stores what a host, or the database, looked like in a minute; the last word counts.
INSERT INTO forge_jobs.gauge (minute, host_id, entry) VALUES ($1, $2, $3::text::json)
ON CONFLICT (minute, host_id) DO UPDATE SET entry = excluded.entry
