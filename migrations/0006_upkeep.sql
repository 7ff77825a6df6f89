-- What a store needs that lives for years: sources and old events can be removed, and other stores merged into it.
-- Reason: what is removed must stay true in the ledger, and findings must keep what they stand on.
-- Cost: columns with a constant default and empty tables; nothing is rewritten.

-- Counted up by whatever changes events that were there already: who remembers what it saw of the store looks at all of it again.
ALTER TABLE watermark ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
-- The highest id that a value had: values are removed, and no id is ever that of another one.
ALTER TABLE watermark ADD COLUMN last_value INTEGER NOT NULL DEFAULT 0;
-- Of a source's `new_events`, those that were removed later.
ALTER TABLE source ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;

-- Some of a finding's events were removed: that a later hunt does not find it again says nothing.
ALTER TABLE finding ADD COLUMN lost_events INTEGER NOT NULL DEFAULT 0;

-- Events of a source that was dropped can be another source's too, and are that one's from then on. Their ids are not among its own:
-- they are somewhere in these ranges.
CREATE TABLE adopted_range (
    source INTEGER NOT NULL REFERENCES source (id), first_event INTEGER NOT NULL, last_event INTEGER NOT NULL,
    PRIMARY KEY (source, first_event)
) STRICT, WITHOUT ROWID;

-- Events that were removed and are behind findings, as text: `fields_json` is an object of texts and lists of texts. `type` and `host` are
-- as in `event`; an event is in one of the two tables. `aliases_json` is where else it was met: path, hash and position of each.
CREATE TABLE kept_event (
    event INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    time_us INTEGER,
    host INTEGER,
    record INTEGER,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    fields_json TEXT NOT NULL,
    message TEXT,
    aliases_json TEXT NOT NULL DEFAULT '[]'
) STRICT;
