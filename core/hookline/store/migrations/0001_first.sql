-- The first schema of the journal. Times are microseconds since 1970 (UTC); ranges are half open; digests are raw bytes.

CREATE TABLE runs (
    run          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    epoch        INTEGER NOT NULL,              -- the fencing number of the driver's ownership
    state        TEXT    NOT NULL,
    workflow     TEXT    NOT NULL,
    target       TEXT    NOT NULL,              -- what to load to find the workflow again
    parameters   TEXT    NOT NULL,              -- JSON; references in place of secrets
    options      TEXT    NOT NULL,              -- JSON; the engine's options
    name         TEXT,
    tags         TEXT    NOT NULL,              -- JSON list
    seed         INTEGER NOT NULL,
    source_run   INTEGER,                       -- the run that this one repeats, or that started it
    environment  TEXT    NOT NULL,              -- JSON; versions, host, commit
    result       BLOB,                          -- what the workflow returns: a structure of references
    error        TEXT,
    created_us   INTEGER NOT NULL,
    finished_us  INTEGER,
    cancel       INTEGER NOT NULL DEFAULT 0,    -- 1: stop launching, 2: kill
    cancel_why   TEXT,
    owner_host   TEXT,
    owner_pid    INTEGER,
    heartbeat_us INTEGER,
    extra        TEXT                           -- JSON; room for later formats
);

CREATE INDEX runs_by_workflow ON runs (workflow, run);

CREATE TABLE code (
    code        INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL UNIQUE,
    parts       BLOB,                           -- what the fingerprint was made from, for whys
    source      BLOB
);

-- A later epoch writes a row of its own where something differs; the newest epoch's row counts.
CREATE TABLE nodes (
    run         INTEGER NOT NULL,
    node        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    parent      INTEGER,                        -- the task that grew it, and which item of it
    parent_item INTEGER,
    name        TEXT    NOT NULL,               -- within the parent
    step        TEXT    NOT NULL,
    code        INTEGER,
    shape       INTEGER NOT NULL,               -- 0: plain, 1: mapped, 2: product; others may follow
    length      INTEGER,                        -- number of items; NULL while unknown
    options     TEXT    NOT NULL,
    bindings    BLOB,                           -- per argument: a constant's digest, or node, slot, item-wise or all
    place       TEXT    NOT NULL,               -- file:line of the call
    extra       TEXT,                           -- JSON; provenance of rewrites
    PRIMARY KEY (run, node, epoch)
) WITHOUT ROWID;

CREATE TABLE attempts (
    run         INTEGER NOT NULL,
    node        INTEGER NOT NULL,
    item        INTEGER NOT NULL,               -- 0 for a plain task
    attempt     INTEGER NOT NULL,               -- counts from 1, on through epochs
    kind        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,               -- the commit that recorded it
    key         BLOB,
    outputs     BLOB,                           -- per slot digest, size, place and small bytes
    started_us  INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    worker      INTEGER NOT NULL,
    PRIMARY KEY (run, node, item, attempt)
) WITHOUT ROWID;

CREATE TABLE failures (
    run       INTEGER NOT NULL,
    node      INTEGER NOT NULL,
    item      INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    sequence  INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    message   TEXT    NOT NULL,
    traceback TEXT    NOT NULL,
    notes     TEXT,                             -- JSON list
    retryable INTEGER NOT NULL,
    extra     TEXT,                             -- JSON; user frames, exit status, signal
    PRIMARY KEY (run, node, item, attempt)
) WITHOUT ROWID;

-- What a step said about itself: metrics, parameters, artifacts, notes.
CREATE TABLE notes (
    run      INTEGER NOT NULL,
    node     INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    position INTEGER NOT NULL,                  -- order within the attempt
    sequence INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    step     INTEGER,                           -- of a metric
    value    TEXT,                              -- JSON
    outputs  BLOB,                              -- of an artifact
    time_us  INTEGER NOT NULL,
    PRIMARY KEY (run, node, item, attempt, position)
) WITHOUT ROWID;

CREATE TABLE logs (
    run      INTEGER NOT NULL,
    node     INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    stream   INTEGER NOT NULL,                  -- 0: all in order
    sequence INTEGER NOT NULL,
    outputs  BLOB    NOT NULL,                  -- the text, stored like any output
    size     INTEGER NOT NULL,
    dropped  INTEGER NOT NULL,                  -- bytes left out between head and tail
    PRIMARY KEY (run, node, item, attempt, stream)
) WITHOUT ROWID;

-- One row per node, plus one per range of items that differs.
CREATE TABLE decisions (
    run         INTEGER NOT NULL,
    node        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    verdict     INTEGER NOT NULL,
    source_run  INTEGER,                        -- reused: item low + i came from item source_low + i there,
    source_node INTEGER,                        -- always the attempt that made it (one hop)
    source_low  INTEGER,
    why         TEXT    NOT NULL,
    detail      TEXT,                           -- JSON; the same for programs
    PRIMARY KEY (run, node, low, epoch)
) WITHOUT ROWID;

-- How many items of a node stand in a state; node -1 is the whole run.
CREATE TABLE counters (
    run   INTEGER NOT NULL,
    node  INTEGER NOT NULL,
    state TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (run, node, state)
) WITHOUT ROWID;

-- The event cursor: what each commit brought.
CREATE TABLE commits (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run      INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    time_us  INTEGER NOT NULL,
    ranges   TEXT    NOT NULL                   -- JSON: table -> [[node, node, item, item], …], half open, around its rows
);

-- The cache index: sorted key prefixes with the places of their attempts, derived from attempts.
CREATE TABLE segments (
    code     INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    segment  INTEGER NOT NULL,                  -- the newest commit in it
    oldest   INTEGER NOT NULL,                  -- the oldest commit in it
    low_run  INTEGER NOT NULL,                  -- which runs its entries are of
    high_run INTEGER NOT NULL,
    repeats  INTEGER NOT NULL,                  -- 0: no older segment had any of its keys when it was recorded
    entries  INTEGER NOT NULL,
    base     INTEGER NOT NULL,                  -- its first row in chunks; the others follow
    chunks   INTEGER NOT NULL,
    firsts   BLOB    NOT NULL,                  -- the lowest prefix of each chunk
    PRIMARY KEY (code, level, segment)
);

CREATE TABLE chunks (
    chunk   INTEGER PRIMARY KEY,
    entries BLOB    NOT NULL                    -- prefixes in order, then the place of each
);

-- Plugins' state: every version is kept, the highest counts.
CREATE TABLE records (
    owner    TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    value    BLOB,                              -- JSON: value (deleted where there is none), who, run, task
    refers   BLOB,                              -- artifacts that must not be collected
    run      INTEGER,
    time_us  INTEGER NOT NULL,
    PRIMARY KEY (owner, key, version)
) WITHOUT ROWID;
