-- Stores what is known now of one minute of a queue's kind, or of all time.
INSERT INTO metric (minute, queue, kind, entry) VALUES (?, ?, ?, ?)
ON CONFLICT (minute, queue, kind) DO UPDATE SET entry = excluded.entry
