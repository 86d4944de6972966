-- Stopping things: limits of a job, what its last attempt used, and what is asked of hosts.

ALTER TABLE job ADD COLUMN time_limit INTEGER;   -- microseconds; NULL: its handler's
ALTER TABLE job ADD COLUMN expires_at INTEGER;   -- from then on it is pointless to start it
ALTER TABLE job ADD COLUMN cpu_time INTEGER;     -- of the last attempt that came to an end by itself: microseconds,
ALTER TABLE job ADD COLUMN peak_memory INTEGER;  -- and bytes

-- Both are empty nearly always: what must be stopped now, and what must not be started late.
CREATE INDEX job_stop ON job (process_id, claim_no) WHERE status = 'in_progress' AND cancel_requested_at IS NOT NULL;
CREATE INDEX job_expiring ON job (expires_at) WHERE expires_at IS NOT NULL AND gate IS NOT NULL;

ALTER TABLE queue ADD COLUMN memory_limit INTEGER;  -- bytes, for handlers that name none

-- Questions to hosts, answered by their coordinators and forgotten soon after.
CREATE TABLE request (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: a late answer must not meet another question
    host_id    TEXT NOT NULL,
    process_id INTEGER,
    verb       TEXT NOT NULL CHECK (verb IN ('stack', 'watch')),
    asked_at   INTEGER NOT NULL,
    answer     TEXT
);
