-- What a store needs that lives for years: sources and old events can be removed, other stores merged into it, and a hunt costs what is new
-- since the last. A finding that stays as it is has no line of its own in the history of each hunt: that its rule was hunted is enough.
-- Reason: what is removed must stay true in the ledger, findings must keep what they stand on, and reading everything again must be the exception.
-- Cost: columns with a constant default, empty tables, and one pass over `event` for its hosts; nothing is rewritten. The first hunt afterwards
-- reads everything.

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

-- The last hunt over the whole time in which the rule had findings: those that are current are at least of this hunt.
ALTER TABLE rule ADD COLUMN hunt INTEGER;

-- Rules with findings in a hunt over the whole time. A finding was found in it where it was current then: the last line of its history up to
-- that hunt says so.
CREATE TABLE hunt_rule (
    hunt INTEGER NOT NULL REFERENCES hunt (id),
    rule INTEGER NOT NULL REFERENCES rule (id),
    PRIMARY KEY (hunt, rule)
) STRICT, WITHOUT ROWID;

-- `key`: what the state depends on beside the rule's own text. `matched`: the events that it matched up to `last_event`.
CREATE TABLE rule_state (
    rule INTEGER PRIMARY KEY REFERENCES rule (id),
    key BLOB NOT NULL,
    last_event INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    matched BLOB NOT NULL
) STRICT;

-- What a hunt was asked, and what came of it: where the next one is asked the same and no event has come, it is the answer.
ALTER TABLE hunt ADD COLUMN key BLOB;
ALTER TABLE hunt ADD COLUMN summary BLOB;

-- The views tell the last hunt of a finding in another way: they are made anew.
UPDATE watermark SET views_for = -1;

-- Long texts of their own, packed against what the texts of their column have in common: script blocks and the like are mostly unique, and
-- were more than half of a store that has many of them. Cells that are there stay as they are.
-- `base` of a field: the base that its next texts are packed against; NULL while it has no packed cell.
-- A row of `text_base` is a piece of a base: base 7 has rows 224 (7 * 32), 225, ... Base 0 is every byte once, in order.
ALTER TABLE field ADD COLUMN base INTEGER;
CREATE TABLE text_base (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
INSERT INTO text_base (id, data) VALUES (0, x'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');

-- The values that are hosts of events, and perhaps some that were: a hunt asks for them, and would read all events for a few names.
CREATE TABLE event_host (value INTEGER PRIMARY KEY) STRICT;
INSERT INTO event_host (value) SELECT DISTINCT host FROM event WHERE host IS NOT NULL;

-- A store that holds what an engine chose from a lake. `key` is that of the lake's catalog; `stored`: how many rows of `lake_row` the store's
-- own tables have.
CREATE TABLE lake_home (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL, stored INTEGER NOT NULL DEFAULT 0) STRICT;
-- What was asked of the engine: a part of an event type, for the rules that `key` tells. `failure`: why it has no answer; NULL: it has.
CREATE TABLE lake_unit (
    view TEXT NOT NULL, number INTEGER NOT NULL, key BLOB NOT NULL, failure TEXT,
    PRIMARY KEY (view, number)
) STRICT, WITHOUT ROWID;
-- How many events of a unit a rule asks for, by the rule's place in the hunt.
CREATE TABLE lake_count (
    view TEXT NOT NULL, number INTEGER NOT NULL, rule INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (view, number, rule)
) STRICT, WITHOUT ROWID;
-- The events that came, as this program writes them, by where they are from. One that was met in several places has a row for each.
CREATE TABLE lake_row (source INTEGER NOT NULL, position INTEGER NOT NULL, event INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (source, position, event)) STRICT;
CREATE INDEX lake_row_event ON lake_row (event);
