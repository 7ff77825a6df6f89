-- Which bytes need not be read again. `reader` is the version and the options of the reader that read a source to its end and without
-- damage, else empty: another reader may read more. `archive` is a file with members, complete once all of them were read so.
-- Cost: two columns with a constant default, nothing is rewritten.
ALTER TABLE source ADD COLUMN reader TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN archive INTEGER REFERENCES archive (id);

CREATE TABLE archive (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    reader TEXT NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX source_archive ON source (archive) WHERE archive IS NOT NULL;
CREATE INDEX source_path ON source (path);
