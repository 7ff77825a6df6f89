-- What a hunt knew of its rules: the next one reads only what is new. A finding that stays as it is has no line of its own in the history
-- of each hunt; that its rule was hunted is enough.
-- Reason: a hunt should cost what is new in it. Cost: two tables and three columns; the first hunt afterwards reads everything.

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
