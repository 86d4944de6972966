-- The first schema. Payloads and results over some 2 kB are kept out of the row by the server itself (TOAST).

-- One row a job, live and finished together. Room is left in each page (fillfactor) for the two changes that every job
-- sees, and vacuum comes early and without pauses: dead rows at the left edge of the ready index make claims slow.
CREATE TABLE forge_jobs.job (
    seq                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                  uuid NOT NULL UNIQUE,
    queue               text NOT NULL,
    kind                text NOT NULL,
    status              text NOT NULL CHECK (status IN ('pending', 'in_progress', 'done', 'failed', 'dead')),
    gate                smallint,              -- 0 ready, 1 waits for its time, 2 parked, 3 paused, 4 unserved
    priority            integer NOT NULL,      -- lower runs first
    scheduled_at        timestamptz NOT NULL,
    enqueued_at         timestamptz NOT NULL,
    attempts            integer NOT NULL DEFAULT 0,
    max_attempts        integer NOT NULL,
    crashes             integer NOT NULL DEFAULT 0,  -- in a row
    unique_key          text,
    payload             json NOT NULL,
    result              json,
    process_id          bigint,                -- with claim_no: the claim, kept after the end
    claim_no            bigint,
    started_at          timestamptz,
    finished_at         timestamptz,
    cancel_requested_at timestamptz,
    time_limit          bigint,                -- microseconds; NULL: its handler's
    expires_at          timestamptz,           -- from then on it is pointless to start it
    cpu_time            bigint,                -- of the last attempt that came to an end by itself: microseconds,
    peak_memory         bigint,                -- and bytes
    CHECK (status <> 'in_progress' OR (process_id IS NOT NULL AND claim_no IS NOT NULL)),
    CHECK ((gate IS NOT NULL) = (status IN ('pending', 'failed'))),
    CHECK ((finished_at IS NOT NULL) = (status IN ('done', 'dead')))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

-- What a claim reads, and nothing else: a million scheduled, parked or finished rows are not in it.
CREATE INDEX job_ready ON forge_jobs.job (queue, priority, scheduled_at, seq) WHERE gate = 0;
CREATE INDEX job_due ON forge_jobs.job (scheduled_at) WHERE gate = 1;
CREATE INDEX job_shut ON forge_jobs.job (gate, queue, kind) WHERE gate > 1;
CREATE INDEX job_running ON forge_jobs.job (process_id) WHERE status = 'in_progress';
CREATE INDEX job_stop ON forge_jobs.job (process_id) WHERE status = 'in_progress' AND cancel_requested_at IS NOT NULL;
CREATE INDEX job_expiring ON forge_jobs.job (expires_at) WHERE expires_at IS NOT NULL AND gate IS NOT NULL;
CREATE INDEX job_done ON forge_jobs.job (queue, finished_at) WHERE status = 'done';
CREATE INDEX job_dead ON forge_jobs.job (queue, finished_at) WHERE status = 'dead';
-- A unique key is held while its job is live, so a retrying job and its duplicate can never both be active.
CREATE UNIQUE INDEX job_unique ON forge_jobs.job (kind, unique_key)
    WHERE unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed');

CREATE TABLE forge_jobs.job_error (
    seq   bigint NOT NULL,  -- of the job
    no    integer NOT NULL, -- rises
    entry json NOT NULL,
    PRIMARY KEY (seq, no)
);

-- Changes in the number of ended jobs, so that nothing ever counts history: every transaction that ends, retries or
-- removes finished jobs adds rows, the leader sums them up. host_id: whose attempts they were.
CREATE TABLE forge_jobs.tally (
    no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host_id text,
    queue   text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('done', 'failed', 'dead')),
    change  bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE forge_jobs.queue (
    name            text PRIMARY KEY,
    paused          boolean NOT NULL,
    backoff_enabled boolean NOT NULL,
    backoff_base    double precision NOT NULL,
    backoff_max     double precision NOT NULL,
    keep_done       double precision NOT NULL,  -- days
    keep_dead       double precision NOT NULL,
    max_workers     integer,
    memory_limit    bigint                      -- bytes, for handlers that name none
);

-- Changed every two seconds by every host: room for that in the page, so that no index is touched (HOT).
CREATE TABLE forge_jobs.host (
    host_id    text PRIMARY KEY,
    hostname   text NOT NULL,
    pid        integer NOT NULL,
    label      text NOT NULL,
    version    text NOT NULL,
    queues     json NOT NULL,
    kinds      json NOT NULL,
    life_lock  bigint NOT NULL,                 -- of no use here: a host lives by its beats
    started_at timestamptz NOT NULL,
    beat_at    timestamptz NOT NULL,
    beat_no    bigint NOT NULL,
    dead       boolean NOT NULL DEFAULT false,  -- a tombstone: declared dead by another host
    workers    json NOT NULL                    -- the board at the last beat
) WITH (fillfactor = 50);

CREATE TABLE forge_jobs.process (
    process_id bigint PRIMARY KEY,
    host_id    text NOT NULL,
    queue      text NOT NULL,
    number     integer NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL
);
CREATE INDEX process_host ON forge_jobs.process (host_id);

-- The leader's lease, by the server's clock.
CREATE TABLE forge_jobs.leader (
    one    integer PRIMARY KEY CHECK (one = 1),
    holder text NOT NULL,
    term   bigint NOT NULL,  -- rises with every change of holder
    until  timestamptz NOT NULL
);

-- Questions to hosts, answered by their coordinators and forgotten soon after.
CREATE TABLE forge_jobs.request (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host_id    text NOT NULL,
    process_id bigint,
    verb       text NOT NULL CHECK (verb IN ('stack', 'watch')),
    asked_at   timestamptz NOT NULL,
    answer     text
);
