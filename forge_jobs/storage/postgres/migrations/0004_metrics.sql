-- Metrics: what happened by minute, queue and kind, and what each host looked like.

-- What single transactions did, a row for each queue and kind, until the leader folds them into minutes. Apart from the
-- tallies: those are read several times a second, and older programs go on with them as they are.
CREATE TABLE forge_jobs.metric_entry (
    no    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at    timestamptz NOT NULL,
    queue text NOT NULL,
    kind  text NOT NULL,
    entry json NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE forge_jobs.metric (
    minute timestamptz NOT NULL, -- when it begins; 1970: all that ever happened
    queue  text NOT NULL,
    kind   text NOT NULL,
    entry  json NOT NULL,        -- counts, and histograms of wait and run time
    PRIMARY KEY (minute, queue, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE forge_jobs.gauge (
    minute  timestamptz NOT NULL,
    host_id text NOT NULL,       -- empty: the database itself
    entry   json NOT NULL,
    PRIMARY KEY (minute, host_id)
);
