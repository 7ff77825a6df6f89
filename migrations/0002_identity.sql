-- The vendor's ids of events (CloudTrail's `eventID`), by which the same event in two files is found.
-- Reason: Windows events are compared by record numbers; ids of others have no order, so they need a look-up.
-- Cost: none. Events that are stored already have no row here: a copy of one that is loaded later counts as new.
-- `key` is the event's second and a hash of its id: what is near in time is near in the table.
CREATE TABLE event_identity (key INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (key, event)) STRICT, WITHOUT ROWID;
