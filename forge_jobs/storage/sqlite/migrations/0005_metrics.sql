-- Metrics: what happened by minute, queue and kind, and what each host looked like.

-- What single transactions did, a row for each queue and kind, until the leader folds them into minutes. Apart from the
-- tallies: those are read several times a second, and older programs go on with them as they are.
CREATE TABLE metric_entry (
    no    INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    queue TEXT NOT NULL,
    kind  TEXT NOT NULL,
    entry TEXT NOT NULL      -- JSON
);

CREATE TABLE metric (
    minute INTEGER NOT NULL, -- the instant at which it begins; 0: all that ever happened
    queue  TEXT NOT NULL,
    kind   TEXT NOT NULL,
    entry  TEXT NOT NULL,    -- JSON: counts, and histograms of wait and run time
    PRIMARY KEY (minute, queue, kind)
) WITHOUT ROWID;

CREATE TABLE gauge (
    minute  INTEGER NOT NULL,
    host_id TEXT NOT NULL,   -- empty: the database itself
    entry   TEXT NOT NULL,   -- JSON
    PRIMARY KEY (minute, host_id)
) WITHOUT ROWID;
