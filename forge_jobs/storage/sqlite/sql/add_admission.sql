-- Notes that places of a key are to be given out.
INSERT INTO admission (kind, limit_key) VALUES (?, ?)
