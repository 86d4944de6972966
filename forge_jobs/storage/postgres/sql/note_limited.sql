-- Notes for all kinds with limits that places are to be given out.
INSERT INTO forge_jobs.admission (kind, limit_key) SELECT name, '' FROM forge_jobs.kind WHERE limited
