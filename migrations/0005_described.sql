-- How each finding was described, which rules read the findings of others, and one line a rule for what became of it.
-- Reason: a newer version tells more of a finding, and tells it once when its rule is hunted again, also where there is nothing to tell; in
-- a timeline a rule over findings comes behind those over the event; a rule that has moved to another path is still one rule.
-- Cost: columns with a constant default, and a pass over the outcomes of rules. Findings of earlier hunts are described anew once.
ALTER TABLE finding ADD COLUMN described INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rule ADD COLUMN reads_findings INTEGER NOT NULL DEFAULT 0;

-- Detections of this kind read risk; of others the next hunt says it.
UPDATE rule SET reads_findings = 1 WHERE level = 'Correlation';

-- The last hunt counts; of several files with one rule in a hunt, one that found something.
DELETE FROM rule_status WHERE rule_id <> '' AND EXISTS (
    SELECT 1 FROM rule_status o WHERE o.rule_id = rule_status.rule_id
        AND (o.hunt, o.outcome = 'found', rule_status.path) > (rule_status.hunt, rule_status.outcome = 'found', o.path));
