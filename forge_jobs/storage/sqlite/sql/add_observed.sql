-- Notes what a transaction did to the jobs of one kind.
INSERT INTO metric_entry (at, queue, kind, entry) VALUES (?, ?, ?, ?)
