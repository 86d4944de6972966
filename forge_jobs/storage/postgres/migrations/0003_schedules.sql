-- Schedules: jobs that are made when their time comes.

CREATE TABLE forge_jobs.schedule (
    name         text PRIMARY KEY,
    kind         text NOT NULL,
    payload      json NOT NULL,
    queue        text NOT NULL,
    priority     integer NOT NULL,
    max_attempts integer NOT NULL,
    expression   text NOT NULL,
    timezone     text NOT NULL,
    overlap      text NOT NULL CHECK (overlap IN ('skip', 'allow')),
    misfire      text NOT NULL CHECK (misfire IN ('one', 'skip', 'all')),
    jitter       double precision NOT NULL,  -- seconds
    enabled      boolean NOT NULL,
    declared     text,                       -- a digest of what code said last; NULL: an operator made it
    next_fire_at timestamptz,                -- NULL: disabled, or to be worked out
    last_fire_at timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,       -- rises with every change but those that firing makes
    -- A clock that is set back, or a hand, must not let a time fire again.
    CHECK (next_fire_at > last_fire_at)
);
CREATE INDEX schedule_due ON forge_jobs.schedule (next_fire_at) WHERE enabled;

-- The newest times of each schedule that have come: nothing fires twice.
CREATE TABLE forge_jobs.fire (
    schedule text NOT NULL,
    fire_at  timestamptz NOT NULL,
    job_id   uuid,                           -- the job it made, or the one in its way; NULL: it was missed
    outcome  text NOT NULL CHECK (outcome IN ('fired', 'skipped')),
    PRIMARY KEY (schedule, fire_at)
);
