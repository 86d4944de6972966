-- Limits: how many jobs of a kind run at once, how often they start, and what becomes of those that are throttled.

ALTER TABLE forge_jobs.job
    ADD COLUMN limit_key text,     -- NULL: its kind has no limits; '': it has, and none by key; else its key
    ADD COLUMN holds_key boolean,  -- true: it has one of the places of its key
    ADD COLUMN throttles integer NOT NULL DEFAULT 0,  -- since it was enqueued, or retried by an operator
    ADD COLUMN trace text;         -- of whoever enqueued it (W3C Trace Context)

-- A job of a kind with limits waits at gate 2 for a place of its key, then at gate 5 for one of its kind. What is ready or
-- runs has its place in the row: none can leak, and a claim has nothing to ask.
CREATE INDEX job_for_key ON forge_jobs.job (kind, limit_key, priority, scheduled_at, seq) WHERE gate = 2;
CREATE INDEX job_for_kind ON forge_jobs.job (kind, priority, scheduled_at, seq) WHERE gate = 5;
CREATE INDEX job_key_held ON forge_jobs.job (kind, limit_key) WHERE holds_key;
CREATE INDEX job_limited ON forge_jobs.job (kind) WHERE limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress');

-- What the handler of each kind declares. Who gives out places of a kind holds its row locked meanwhile.
CREATE TABLE forge_jobs.kind (
    name                text PRIMARY KEY,
    max_running         integer,
    max_running_per_key integer,
    concurrency_key     text,                     -- the argument whose value is a job's key
    rate_limits         json NOT NULL,            -- list of scopes
    rate_cost           double precision NOT NULL,
    events              json NOT NULL,            -- list
    limited             boolean NOT NULL,         -- whether there is any limit,
    metered             boolean NOT NULL          -- and any rate limit
);

-- Keys (or, with '', whole kinds) for which places are to be given out.
CREATE TABLE forge_jobs.admission (
    no        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL,
    limit_key text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE forge_jobs.rate_limit (
    scope       text PRIMARY KEY,
    capacity    double precision,      -- NULL: that of the scope before the colon
    refill      double precision,      -- tokens a second
    tokens      double precision NOT NULL,
    refilled_at timestamptz NOT NULL,  -- later than now: drained until then
    declared    text                   -- what the code said: an operator's change stays until the code says otherwise
) WITH (fillfactor = 50);

ALTER TABLE forge_jobs.queue
    ADD COLUMN cool_down boolean NOT NULL DEFAULT false,  -- a throttled job stops the whole queue for a while
    ADD COLUMN throttles integer NOT NULL DEFAULT 0,
    ADD COLUMN throttled_until timestamptz;
