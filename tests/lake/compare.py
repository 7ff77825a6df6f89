"""Reads a lake with another engine and compares every value with the views of the store that it was made of.

    compare.py ENGINE STORE LAKE MESSAGES

ENGINE is duckdb, polars or spark. MESSAGES has the rows of the store's view `messages` as JSON lines: only retrohunt reads them.
Ends with 1 and says where values differ.
"""

import json
import pathlib
import sqlite3
import sys

# Columns of parts that a view has under the same name.
HEADS = ["_id", "_time", "_time_us", "_host", "_source", "_record"]
WINDOWS = ["Channel", "EventID", "Computer", "EventRecordID"]


def with_duckdb(files):
    import duckdb

    relation = duckdb.read_parquet([str(file) for file in files], union_by_name=True)
    return [dict(zip(relation.columns, row)) for row in relation.fetchall()]


def with_polars(files):
    import polars

    frames = [polars.read_parquet(file, hive_partitioning=False) for file in files]
    return [row for frame in frames for row in frame.to_dicts()]


SPARK = []


def with_spark(files):
    from pyspark.sql import SparkSession

    if not SPARK:
        spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
        spark.conf.set("spark.sql.caseSensitive", "true")
        SPARK.append(spark)
    return [row.asDict() for file in files for row in SPARK[0].read.parquet(str(file)).collect()]


ENGINES = {"duckdb": with_duckdb, "polars": with_polars, "spark": with_spark}


def text(value):
    """A value as the view has it: lists a line each."""
    return "\n".join(value) if isinstance(value, (list, tuple)) else value


def main(engine, store, lake, messages):
    lake = pathlib.Path(lake)
    catalog = json.loads((lake / "_catalog.json").read_text())
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    said = {}
    for line in pathlib.Path(messages).read_text().splitlines():
        row = json.loads(line)
        said[row["_id"]] = row["Message"]
    sources = {row["path"]: row["sha256"] for row in connection.execute("SELECT path, sha256 FROM source WHERE state = 'complete'")}
    faults, events, values = [], 0, 0
    folders, order = {}, {}
    for part in catalog["parts"]:
        folder = part["path"].split("/")[0]
        rows = ENGINES[engine]([lake / part["path"]])
        times = [row["_time_us"] for row in rows]
        known = [time for time in times if time is not None]
        if times != [None] * (len(times) - len(known)) + sorted(known):
            faults.append(f"{part['path']} is not sorted by time")
        if len(rows) != part["rows"]:
            faults.append(f"{part['path']} has {len(rows)} rows, not {part['rows']}")
        for row in rows:
            folders.setdefault(folder, {}).setdefault(row["_view"], {})[row["_id"]] = row
            order[folder] = row

    def compare(view, event, column, expected, found):
        nonlocal values
        values += 1
        if expected != found:
            faults.append(f"{view} {event} {column}: {expected!r} is {found!r}")

    for view in catalog["views"]:
        name = view["view"]
        found = folders.get(view["folder"], {}).get(name, {})
        expected = connection.execute('SELECT * FROM "%s"' % name.replace('"', '""')).fetchall()
        if {row["_id"] for row in expected} != set(found):
            faults.append(f"{name} has other events")
            continue
        # A column of the view, by the field that the catalog names for it; the view's own name may be marked.
        fields = connection.execute(
            "SELECT f.name, f.view_name FROM field f JOIN event_type y ON y.id = f.event_type WHERE y.view = ? ORDER BY f.position", [name]
        ).fetchall()
        others = {}
        for row in connection.execute("SELECT _id, field, value FROM other_fields WHERE view = ?", [name]):
            others.setdefault(row["_id"], {})[row["field"]] = row["value"]
        for row in expected:
            events += 1
            event = row["_id"]
            of_lake = found[event]
            for column in HEADS + (WINDOWS if view["product"] == "windows" else []):
                compare(name, event, column, row[column], text(of_lake[column]))
            compare(name, event, "_sha256", sources[row["_source"]], of_lake["_sha256"])
            compare(name, event, "_message", said.get(event), of_lake["_message"])
            beside = json.loads(of_lake["_other"]) if of_lake["_other"] is not None else {}
            for field, column in zip(fields, view["columns"]):
                compare(name, event, "name of a field", field["name"], column["field"])
                if column["column"] is None:
                    compare(name, event, field["name"], others.get(event, {}).get(field["name"]), text(beside.get(field["name"])))
                    continue
                value = of_lake[column["column"]]
                if value is not None and isinstance(value, (list, tuple)) != column["list"]:
                    faults.append(f"{name} {event} {column['column']}: {value!r} is not of the kind of the catalog")
                compare(name, event, field["view_name"], row[field["view_name"]], text(value))
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    print(f"{engine}: {values} values of {events} events compared, {len(faults)} differ")
    return 1 if faults or events != catalog["events"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
