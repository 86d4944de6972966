-- The first schema. Instants are microseconds since the epoch, ids 16-byte UUIDs, payloads and results JSON text.

-- One row a job, live and finished together: moving finished rows to a table of their own was measured to cost
-- 20-25 % of throughput and to gain nothing. Every index but two holds live rows only.
CREATE TABLE job (
    seq                 INTEGER PRIMARY KEY,  -- order of arrival; the row's address in every hot statement
    id                  BLOB NOT NULL UNIQUE CHECK (typeof(id) = 'blob' AND length(id) = 16),
    queue               TEXT NOT NULL,
    kind                TEXT NOT NULL,
    -- spelled out: for an IN of more than two values SQLite builds a table at every row it changes
    status              TEXT NOT NULL CHECK (
        status = 'done' OR status = 'in_progress' OR status = 'pending' OR status = 'failed' OR status = 'dead'),
    gate                INTEGER,              -- 0 ready, 1 waits for its time, 2 parked, 3 paused, 4 unserved
    priority            INTEGER NOT NULL,     -- lower runs first
    scheduled_at        INTEGER NOT NULL,
    enqueued_at         INTEGER NOT NULL,
    attempts            INTEGER NOT NULL DEFAULT 0,
    max_attempts        INTEGER NOT NULL,
    crashes             INTEGER NOT NULL DEFAULT 0,  -- in a row
    unique_key          TEXT,
    payload             TEXT,                 -- NULL: in job_body
    result              TEXT,                 -- NULL: none yet, or in job_body
    process_id          INTEGER,              -- with claim_no: the claim, kept after the end
    claim_no            INTEGER,
    started_at          INTEGER,
    finished_at         INTEGER,
    cancel_requested_at INTEGER,
    -- A row written by hand must not be one that no program can read.
    CHECK (typeof(priority) = 'integer' AND typeof(scheduled_at) = 'integer' AND typeof(enqueued_at) = 'integer'
           AND typeof(attempts) = 'integer' AND attempts BETWEEN 0 AND 1000000 AND typeof(max_attempts) = 'integer' AND typeof(crashes) = 'integer'),
    CHECK (status <> 'in_progress' OR (process_id IS NOT NULL AND claim_no IS NOT NULL)),
    CHECK ((gate IS NOT NULL) = (status IN ('pending', 'failed'))),
    CHECK ((finished_at IS NOT NULL) = (status IN ('done', 'dead')))
);

-- What a claim reads, and nothing else: a million scheduled, parked or finished rows are not in it.
CREATE INDEX job_ready ON job (queue, priority, scheduled_at, seq, kind, status) WHERE gate = 0;
CREATE INDEX job_due ON job (scheduled_at, queue, status) WHERE gate = 1;
CREATE INDEX job_shut ON job (gate, queue, kind, status) WHERE gate > 1;
CREATE INDEX job_running ON job (process_id, queue) WHERE status = 'in_progress';
CREATE INDEX job_done ON job (queue, finished_at) WHERE status = 'done';
CREATE INDEX job_dead ON job (queue, finished_at) WHERE status = 'dead';
-- A unique key is held while its job is live, so a retrying job and its duplicate can never both be active.
CREATE UNIQUE INDEX job_unique ON job (kind, unique_key)
    WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed');

-- Payloads and results over 1 KiB: SQLite rewrites the whole row at every change of a status.
CREATE TABLE job_body (
    seq     INTEGER PRIMARY KEY,
    payload TEXT,
    result  TEXT
);

CREATE TABLE job_error (
    seq   INTEGER NOT NULL,  -- of the job
    no    INTEGER NOT NULL,  -- rises
    entry TEXT NOT NULL,     -- JSON
    PRIMARY KEY (seq, no)
) WITHOUT ROWID;

-- Changes in the number of ended jobs, so that nothing ever counts history: every transaction that ends, retries or
-- removes finished jobs adds rows, the leader sums them up. host_id: whose attempts they were.
CREATE TABLE tally (
    no      INTEGER PRIMARY KEY,
    host_id TEXT,
    queue   TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'failed', 'dead')),
    change  INTEGER NOT NULL
);

CREATE TABLE queue (
    name            TEXT PRIMARY KEY,
    paused          INTEGER NOT NULL,
    backoff_enabled INTEGER NOT NULL,
    backoff_base    REAL NOT NULL,
    backoff_max     REAL NOT NULL,
    keep_done       REAL NOT NULL,  -- days
    keep_dead       REAL NOT NULL,
    max_workers     INTEGER
) WITHOUT ROWID;

CREATE TABLE host (
    host_id    TEXT PRIMARY KEY,
    hostname   TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    label      TEXT NOT NULL,
    version    TEXT NOT NULL,
    queues     TEXT NOT NULL,     -- JSON
    kinds      TEXT NOT NULL,     -- JSON
    life_lock  INTEGER NOT NULL,  -- the byte of the hosts file that this supervisor holds locked while it lives
    started_at INTEGER NOT NULL,
    beat_at    INTEGER NOT NULL,
    workers    TEXT NOT NULL      -- JSON, the board at the last beat
) WITHOUT ROWID;

CREATE TABLE process (
    process_id INTEGER PRIMARY KEY,
    host_id    TEXT NOT NULL,
    queue      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL
);
CREATE INDEX process_host ON process (host_id);

-- The leader's lease, by a clock that counts suspended time; of another boot it is over.
CREATE TABLE leader (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    holder  TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    until   INTEGER NOT NULL
);
