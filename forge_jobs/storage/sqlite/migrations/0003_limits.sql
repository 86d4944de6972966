-- Limits: how many jobs of a kind run at once, how often they start, and what becomes of those that are throttled.

ALTER TABLE job ADD COLUMN limit_key TEXT;     -- NULL: its kind has no limits; '': it has, and none by key; else its key
ALTER TABLE job ADD COLUMN holds_key INTEGER;  -- 1: it has one of the places of its key
ALTER TABLE job ADD COLUMN throttles INTEGER NOT NULL DEFAULT 0;  -- since it was enqueued, or retried by an operator
ALTER TABLE job ADD COLUMN trace TEXT;         -- of whoever enqueued it (W3C Trace Context)

-- A job of a kind with limits waits at gate 2 for a place of its key, then at gate 5 for one of its kind. What is ready or
-- runs has its place in the row: none can leak, and a claim has nothing to ask.
CREATE INDEX job_for_key ON job (kind, limit_key, priority, scheduled_at, seq) WHERE gate = 2;
CREATE INDEX job_for_kind ON job (kind, priority, scheduled_at, seq) WHERE gate = 5;
CREATE INDEX job_key_held ON job (kind, limit_key) WHERE holds_key = 1;
CREATE INDEX job_limited ON job (kind, gate) WHERE limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress');

-- What the handler of each kind declares.
CREATE TABLE kind (
    name                TEXT PRIMARY KEY,
    max_running         INTEGER,
    max_running_per_key INTEGER,
    concurrency_key     TEXT,           -- the argument whose value is a job's key
    rate_limits         TEXT NOT NULL,  -- JSON list of scopes
    rate_cost           REAL NOT NULL,
    events              TEXT NOT NULL,  -- JSON list
    limited             INTEGER NOT NULL,  -- whether there is any limit,
    metered             INTEGER NOT NULL   -- and any rate limit
) WITHOUT ROWID;

-- Keys (or, with '', whole kinds) for which places are to be given out.
CREATE TABLE admission (
    no        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    limit_key TEXT NOT NULL
);

CREATE TABLE rate_limit (
    scope       TEXT PRIMARY KEY,
    capacity    REAL,              -- NULL: that of the scope before the colon
    refill      REAL,              -- tokens a second
    tokens      REAL NOT NULL,
    refilled_at INTEGER NOT NULL,  -- later than now: drained until then
    declared    TEXT               -- what the code said: an operator's change stays until the code says otherwise
) WITHOUT ROWID;

ALTER TABLE queue ADD COLUMN cool_down INTEGER NOT NULL DEFAULT 0;  -- a throttled job stops the whole queue for a while
ALTER TABLE queue ADD COLUMN throttles INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN throttled_until INTEGER;
