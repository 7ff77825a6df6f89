"""Runs statements on an engine over tables in memory.

The engine is the argument: duckdb, clickhouse or spark. Standard input is one JSON object: `tables` (`name`, `columns` as pairs of name
and kind, `rows`) and `statements`. A kind is `text`, `list` or `integer`. Each statement gives a line of JSON: `{"rows": [[...]]}` with
texts and nulls, or `{"error": "..."}`. Exit code 77: the package is not installed.
"""

import importlib.util
import json
import sys

PACKAGES = {"duckdb": "duckdb", "clickhouse": "chdb", "spark": "pyspark"}


def duckdb_runner(tables):
    import duckdb

    connection = duckdb.connect()
    kinds = {"text": "VARCHAR", "list": "VARCHAR[]", "integer": "BIGINT"}
    quoted = lambda name: '"' + name.replace('"', '""') + '"'
    for table in tables:
        columns = ", ".join(f"{quoted(name)} {kinds[kind]}" for name, kind in table["columns"])
        connection.execute(f"CREATE TABLE {quoted(table['name'])} ({columns})")
        places = ", ".join("?" for _ in table["columns"])
        connection.executemany(f"INSERT INTO {quoted(table['name'])} VALUES ({places})", table["rows"])
    return lambda statement: connection.execute(statement).fetchall()


def clickhouse_runner(tables):
    from chdb import session

    client = session.Session()
    client.query("CREATE DATABASE lake")
    # Columns of parts of a lake are read as nullable ones, and members of their arrays may be so too.
    kinds = {"text": "Nullable(String)", "list": "Array(Nullable(String))", "integer": "Nullable(Int64)"}
    quoted = lambda name: "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
    client.query("USE lake")
    for table in tables:
        columns = ", ".join(f"{quoted(name)} {kinds[kind]}" for name, kind in table["columns"])
        client.query(f"CREATE TABLE {quoted(table['name'])} ({columns}) ENGINE = Memory")
        names = [name for name, _ in table["columns"]]
        is_list = [kind == "list" for _, kind in table["columns"]]
        cells = lambda row: [[] if of_list and cell is None else cell for cell, of_list in zip(row, is_list)]
        rows = "\n".join(json.dumps(dict(zip(names, cells(row))), ensure_ascii=False) for row in table["rows"])
        client.query(f"INSERT INTO {quoted(table['name'])} FORMAT JSONEachRow\n{rows}")
    return lambda statement: json.loads(str(client.query(statement, "JSONCompact")))["data"]


def spark_runner(tables):
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, LongType, StringType, StructField, StructType

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    # Compiling a statement to Java costs more than running it over a few rows.
    settings = {"caseSensitive": "true", "shuffle.partitions": "1", "codegen.wholeStage": "false"}
    for name, value in settings.items():
        builder = builder.config(f"spark.sql.{name}", value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    kinds = {"text": StringType(), "list": ArrayType(StringType()), "integer": LongType()}
    for table in tables:
        schema = StructType([StructField(name, kinds[kind]) for name, kind in table["columns"]])
        session.createDataFrame([tuple(row) for row in table["rows"]], schema).createOrReplaceTempView(table["name"])
    return lambda statement: [tuple(row) for row in session.sql(statement).collect()]


def main():
    engine = sys.argv[1]
    if importlib.util.find_spec(PACKAGES[engine]) is None:
        print(f"the package {PACKAGES[engine]} is not installed", file=sys.stderr)
        return 77
    asked = json.load(sys.stdin)
    run = {"duckdb": duckdb_runner, "clickhouse": clickhouse_runner, "spark": spark_runner}[engine](asked["tables"])
    for statement in asked["statements"]:
        try:
            rows = [[None if cell is None else str(cell) for cell in row] for row in run(statement)]
            print(json.dumps({"rows": rows}))
        except Exception as error:  # whatever an engine raises is the answer to the statement
            print(json.dumps({"error": str(error)[:2000]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
