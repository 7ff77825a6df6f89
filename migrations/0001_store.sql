-- The store: ledger, dictionary, event types, envelope, rules, hunts, findings with history and triage.
-- Reason: the first layout. Cost: none, the file is new.
-- Times are microseconds since 1970-01-01 UTC. Tables of event types (e1, e2, …) are made at load.

CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    format TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('loading', 'complete', 'duplicate', 'skipped')),
    sha256 TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0,
    new_events INTEGER NOT NULL DEFAULT 0,
    bad INTEGER NOT NULL DEFAULT 0,
    recovered INTEGER NOT NULL DEFAULT 0,
    duplicate_of INTEGER REFERENCES source (id),
    first_event INTEGER NOT NULL DEFAULT 0,
    last_event INTEGER NOT NULL DEFAULT 0,
    first_time_us INTEGER,
    last_time_us INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    timezone TEXT NOT NULL DEFAULT '',
    clock TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX source_sha256 ON source (sha256) WHERE state = 'complete';
CREATE INDEX source_bytes ON source (bytes) WHERE state = 'complete';

-- The highest visible event: everything above belongs to a source that is being written.
-- `views_for` is the number of fields the text views were made for: another number means that they are out of date.
CREATE TABLE watermark (id INTEGER PRIMARY KEY CHECK (id = 1), last_event INTEGER NOT NULL, views_for INTEGER NOT NULL DEFAULT -1) STRICT;
INSERT INTO watermark (id, last_event) VALUES (1, 0);

CREATE TABLE value (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL, is_list INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX value_hash ON value (hash);
CREATE TABLE value_item (
    list INTEGER NOT NULL, position INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (list, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_type (
    id INTEGER PRIMARY KEY,
    product TEXT NOT NULL,
    dataset TEXT NOT NULL,
    code TEXT NOT NULL,
    storage TEXT NOT NULL CHECK (storage IN ('table', 'overflow')),
    view TEXT NOT NULL,
    has_messages INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX event_type_key ON event_type (product, lower(dataset), code);

CREATE TABLE field (
    event_type INTEGER NOT NULL REFERENCES event_type (id),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    view_name TEXT NOT NULL,
    encoding TEXT NOT NULL,
    has_lists INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (event_type, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    time_us INTEGER,
    host INTEGER,
    source INTEGER NOT NULL,
    record INTEGER,
    position INTEGER
) STRICT;

-- Types beyond the 400 that have a table find their events by this.
CREATE INDEX event_rare ON event (type, id) WHERE type > 400;

-- Events carved from damaged areas.
CREATE TABLE recovered_event (event INTEGER PRIMARY KEY) STRICT;

-- Fields of types without a table, and fields beyond a table's columns.
CREATE TABLE overflow (
    event INTEGER NOT NULL, field INTEGER NOT NULL, value ANY,
    PRIMARY KEY (event, field)
) STRICT, WITHOUT ROWID;

-- Rendered text: a zstd block of texts joined by NUL, and for each event which text of which block.
CREATE TABLE message (event INTEGER PRIMARY KEY, block INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
CREATE TABLE message_block (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

-- The same event met again in other bytes.
CREATE TABLE event_alias (event INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (event, source, position)) STRICT, WITHOUT ROWID;

-- Record numbers of a source by event type and host (0: none): where they overlap, events may be the same.
CREATE TABLE record_range (
    type INTEGER NOT NULL, host INTEGER NOT NULL, source INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (type, host, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
    id INTEGER PRIMARY KEY,
    rule_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    title TEXT NOT NULL,
    path TEXT NOT NULL,
    language TEXT NOT NULL,
    level TEXT NOT NULL,
    techniques TEXT NOT NULL,
    tactics TEXT NOT NULL,
    stories TEXT NOT NULL,
    UNIQUE (rule_id, hash)
) STRICT;

CREATE TABLE hunt (
    id INTEGER PRIMARY KEY,
    started_us INTEGER NOT NULL,
    since_us INTEGER,
    until_us INTEGER,
    last_event INTEGER NOT NULL,
    rules INTEGER NOT NULL,
    findings INTEGER NOT NULL
) STRICT;

CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    finding_id TEXT NOT NULL UNIQUE,
    rule INTEGER NOT NULL REFERENCES rule (id),
    first_hunt INTEGER NOT NULL REFERENCES hunt (id),
    hunt INTEGER NOT NULL REFERENCES hunt (id),
    state TEXT NOT NULL CHECK (state IN ('current', 'superseded', 'gone')),
    group_json TEXT NOT NULL,
    columns_json TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_time_us INTEGER,
    last_time_us INTEGER,
    risk_score REAL,
    impact REAL,
    confidence REAL,
    message TEXT NOT NULL,
    risk_objects_json TEXT NOT NULL
) STRICT;
CREATE INDEX finding_rule ON finding (rule);

CREATE TABLE finding_history (
    finding INTEGER NOT NULL REFERENCES finding (id),
    hunt INTEGER NOT NULL REFERENCES hunt (id),
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_time_us INTEGER,
    last_time_us INTEGER,
    PRIMARY KEY (finding, hunt)
) STRICT, WITHOUT ROWID;

CREATE TABLE triage (
    finding_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (finding INTEGER NOT NULL REFERENCES finding (id), event INTEGER NOT NULL, PRIMARY KEY (finding, event)) STRICT, WITHOUT ROWID;
