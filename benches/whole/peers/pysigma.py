#!/usr/bin/env python3
"""Hunts with pySigma over one flat table in SQLite, as the README of its SQLite backend says.

    pysigma.py load EVENTS DATABASE           JSON lines into the table `logs`
    pysigma.py hunt RULES DATABASE SECONDS    rules converted to SQL, and run for at most so many CPU-seconds

Each prints one line of JSON about what it did. It runs in the virtual environment that the bench makes.
"""
import collections
import gc
import json
import pathlib
import random
import re
import sqlite3
import sys
import time

# Rows that wait for an INSERT of many, of all kinds of events together.
WAITING = 50_000
# An INSERT for each set of fields that occurs: all stay prepared.
STATEMENTS = 2_000
# Fields that the generated events call by another name than the rules.
NAMES = {'Provider_Name': 'SourceName', 'Computer': 'Hostname', 'ComputerName': 'Hostname'}
# Rules run in an order of chance, so that those that ran within the limit stand for all.
SEED = 7


def name(field):
    return '"' + field.replace('"', '""') + '"'


def cell(value):
    """Text, as rules spell it."""
    if isinstance(value, str) or value is None:
        return value
    return json.dumps(value)


class Table:
    """The table `logs`: a column for each field of any event. NOCASE, since rules compare without case."""

    def __init__(self, database):
        self.connection = sqlite3.connect(database, isolation_level=None, cached_statements=STATEMENTS)
        # Nothing is kept safe: the file is measured and deleted.
        self.connection.execute('PRAGMA journal_mode = OFF')
        self.connection.execute('PRAGMA synchronous = OFF')
        # What nearly every rule asks first comes first in a row.
        self.connection.execute('CREATE TABLE logs (Channel TEXT COLLATE NOCASE, EventID TEXT COLLATE NOCASE)')
        self.columns = {'channel', 'eventid'}
        self.shapes = {}
        self.waiting = collections.defaultdict(list)
        self.rows = 0

    def shape(self, fields):
        """The INSERT for events of these fields, and which of them it takes: two that differ in case are one column."""
        taken, seen = [], set()
        for place, field in enumerate(fields):
            if field.lower() not in seen:
                seen.add(field.lower())
                taken.append(place)
                if field.lower() not in self.columns:
                    self.columns.add(field.lower())
                    self.connection.execute(f'ALTER TABLE logs ADD COLUMN {name(field)} TEXT COLLATE NOCASE')
        names = ', '.join(name(fields[place]) for place in taken)
        marks = ', '.join('?' * len(taken))
        return f'INSERT INTO logs ({names}) VALUES ({marks})', taken

    def add(self, event):
        fields = tuple(event)
        if fields not in self.shapes:
            self.shapes[fields] = self.shape(fields)
        insert, taken = self.shapes[fields]
        values = list(event.values())
        self.waiting[insert].append([cell(values[place]) for place in taken])
        self.rows += 1
        if self.rows == WAITING:
            self.write()

    def write(self):
        for insert, rows in self.waiting.items():
            self.connection.executemany(insert, rows)
            rows.clear()
        self.rows = 0

    def finish(self):
        self.write()
        self.connection.execute('CREATE INDEX kind ON logs (Channel, EventID)')
        self.connection.execute('COMMIT')


def load(events, database):
    import orjson

    # Rows are lists without cycles: looking for some is a tenth of the load.
    gc.disable()
    table, count = Table(database), 0
    table.connection.execute('BEGIN')
    with open(events, 'rb') as lines:
        for line in lines:
            table.add(orjson.loads(line))
            count += 1
    table.finish()
    return {'events': count, 'columns': len(table.columns), 'sqlite': sqlite3.sqlite_version}


def compile_rules(folder):
    """(queries with the id of their rule, fields they name, why others have none)."""
    from sigma.backends.sqlite import sqliteBackend
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError
    from sigma.pipelines.sysmon import sysmon_pipeline
    from sigma.pipelines.windows import windows_logsource_pipeline
    from sigma.policy.profiles import TrustedPolicy
    from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
    from sigma.processing.transformations import FieldMappingTransformation

    names = ProcessingPipeline(name='names', priority=5, items=[ProcessingItem(FieldMappingTransformation(NAMES))])
    backend = sqliteBackend(sysmon_pipeline() + windows_logsource_pipeline() + names)
    queries, fields, failures = [], set(), collections.Counter()
    for path in sorted(pathlib.Path(folder).rglob('*.yml')):
        try:
            rules = SigmaCollection.from_yaml(path.read_text('utf-8'), policy=TrustedPolicy)
            converted = backend.convert(rules)
            for rule in rules:
                fields.update(backend.required_fields(rule))
            queries.extend((str(rules[0].id), query) for query in converted)
        except SigmaError as error:
            failures[reason(error)] += 1
    return queries, fields, failures


def reason(error):
    """The first words of a message, without what differs from rule to rule."""
    return re.sub(r"['\"`].*", '…', re.split(r'\n|;|\. ', str(error))[0])[:100]


def open_for_rules(database, fields):
    """The table with a column for each field that a rule names, and the function that SQLite leaves to its users."""
    from sigma.backends.sqlite.runtime import ensure_fields

    connection = sqlite3.connect(database, isolation_level=None)
    ensure_fields(connection, {'logs': sorted(fields)})
    patterns = {}

    def regexp(pattern, value):
        if value is None:
            return False
        if pattern not in patterns:
            patterns[pattern] = re.compile(pattern)
        return patterns[pattern].search(str(value)) is not None

    connection.create_function('regexp', 2, regexp, deterministic=True)
    return connection


def run_queries(connection, queries, limit):
    """Runs them until the limit; counts rows and does not fetch them, which is the cheapest that a hunt can be."""
    started, ran, matches, failures = time.process_time(), 0, collections.Counter(), collections.Counter()
    for rule, query in queries:
        if time.process_time() - started > limit:
            break
        ran += 1
        try:
            found = connection.execute(f'SELECT count(*) FROM ({query})').fetchone()[0]
            if found:
                matches[rule] += found
        except (sqlite3.Error, re.error) as error:
            failures[reason(error)] += 1
    return {'ran': ran, 'run_seconds': time.process_time() - started, 'matches': matches, 'run_failures': failures}


def hunt(folder, database, limit):
    queries, fields, failures = compile_rules(folder)
    converted = time.process_time()
    random.Random(SEED).shuffle(queries)
    ran = run_queries(open_for_rules(database, fields), queries, float(limit))
    return {'queries': len(queries), 'convert_seconds': converted, 'convert_failures': failures, **ran}


if __name__ == '__main__':
    command, *arguments = sys.argv[1:]
    print(json.dumps({'load': load, 'hunt': hunt}[command](*arguments)))
