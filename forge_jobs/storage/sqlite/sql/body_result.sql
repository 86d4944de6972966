-- Puts a large result beside its row.
INSERT INTO job_body (seq, result) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET result = excluded.result
