-- Whether the file is sound: "ok", or what is wrong with it. Reads all of it, and holds every index against its table, as
-- quick_check does not: a job that is missing in an index is never run.
PRAGMA integrity_check
