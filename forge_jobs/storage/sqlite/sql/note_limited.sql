-- Notes for all kinds with limits that places are to be given out.
INSERT INTO admission (kind, limit_key) SELECT name, '' FROM kind WHERE limited
