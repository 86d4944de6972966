-- Schedules: jobs that are made when their time comes.

CREATE TABLE schedule (
    name         TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    payload      TEXT NOT NULL,     -- JSON
    queue        TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    expression   TEXT NOT NULL,
    timezone     TEXT NOT NULL,
    overlap      TEXT NOT NULL CHECK (overlap IN ('skip', 'allow')),
    misfire      TEXT NOT NULL CHECK (misfire IN ('one', 'skip', 'all')),
    jitter       REAL NOT NULL,     -- seconds
    enabled      INTEGER NOT NULL,
    declared     TEXT,              -- a digest of what code said last; NULL: an operator made it
    next_fire_at INTEGER,           -- NULL: disabled, or to be worked out
    last_fire_at INTEGER,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,  -- rises with every change but those that firing makes
    CHECK (typeof(priority) = 'integer' AND typeof(max_attempts) = 'integer' AND typeof(jitter) = 'real'),
    CHECK (typeof(kind) = 'text' AND typeof(queue) = 'text' AND typeof(expression) = 'text' AND typeof(timezone) = 'text'),
    CHECK (typeof(payload) = 'text' AND json_valid(payload)),
    CHECK (typeof(next_fire_at) IN ('integer', 'null') AND typeof(last_fire_at) IN ('integer', 'null')),
    -- A clock that is set back, or a hand, must not let a time fire again.
    CHECK (next_fire_at > last_fire_at)
);
CREATE INDEX schedule_due ON schedule (next_fire_at) WHERE enabled;

-- The newest times of each schedule that have come: nothing fires twice.
CREATE TABLE fire (
    schedule TEXT NOT NULL,
    fire_at  INTEGER NOT NULL,
    job_id   BLOB,                  -- the job it made, or the one in its way; NULL: it was missed
    outcome  TEXT NOT NULL CHECK (outcome IN ('fired', 'skipped')),
    PRIMARY KEY (schedule, fire_at)
) WITHOUT ROWID;
