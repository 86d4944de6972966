-- Stores what a host, or the database, looked like in a minute; the last word counts.
INSERT INTO gauge (minute, host_id, entry) VALUES (?, ?, ?)
ON CONFLICT (minute, host_id) DO UPDATE SET entry = excluded.entry
