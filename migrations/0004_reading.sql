-- What makes findings readable: what a rule says of itself, what happened, whom it concerns, and what became of each rule of a hunt.
-- Reason: lists, reports and any SQLite client show and filter by them without the rules at hand.
-- Cost: columns with a constant default, and a pass over rules and findings for the level. Findings of earlier hunts have details once
-- their rule is hunted again.
ALTER TABLE rule ADD COLUMN severity TEXT NOT NULL DEFAULT '';
ALTER TABLE rule ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE rule ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE rule ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE rule ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rule ADD COLUMN reference_links TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rule ADD COLUMN false_positives TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rule ADD COLUMN fields TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rule ADD COLUMN sql TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- The one scale of rules that were hunted before it was kept: a level as it is, and of a risk score, which a rule's findings have, the band
-- of twenty that it is in.
UPDATE rule SET severity = CASE
    WHEN level IN ('critical', 'high', 'medium', 'low', 'informational') THEN level
    ELSE (SELECT CASE
        WHEN max(f.risk_score) IS NULL THEN ''
        WHEN max(f.risk_score) >= 80 THEN 'critical'
        WHEN max(f.risk_score) >= 60 THEN 'high'
        WHEN max(f.risk_score) >= 40 THEN 'medium'
        WHEN max(f.risk_score) >= 20 THEN 'low'
        ELSE 'informational' END FROM finding f WHERE f.rule = rule.id) END;

-- Hosts and users of a finding's events.
CREATE TABLE finding_entity (
    finding INTEGER NOT NULL REFERENCES finding (id),
    kind TEXT NOT NULL CHECK (kind IN ('host', 'user')),
    value TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (finding, kind, value)
) STRICT, WITHOUT ROWID;

-- What became of each rule in the last hunt that had it.
CREATE TABLE rule_status (
    rule_id TEXT NOT NULL,
    path TEXT NOT NULL,
    hunt INTEGER NOT NULL REFERENCES hunt (id),
    title TEXT NOT NULL,
    language TEXT NOT NULL,
    severity TEXT NOT NULL,
    techniques TEXT NOT NULL,
    tactics TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('found', 'nothing', 'no-data', 'no-field', 'unsupported', 'failed')),
    reason TEXT NOT NULL,
    PRIMARY KEY (rule_id, path)
) STRICT, WITHOUT ROWID;
