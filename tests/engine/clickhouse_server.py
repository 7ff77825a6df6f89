"""A ClickHouse for tests where no server is installed: the embedded one (Python package chdb) behind its HTTP interface.

    clickhouse_server.py LAKE DATABASE [--prefix P] [--user U --password P] [--fault NAME]

makes a table of each view of a lake, listens on a free port of the loopback, prints the port, and ends when its standard input does.
Faults: `die` (the process ends in the middle of the third answer), `cut` (the third answer is cut off), `rows` (a table lacks a row),
`table` (a table is missing), `row` (an answer has a row that was not asked for). The third is counted among those that have rows.
"""

import argparse
import http.server
import json
import os
import sys
import tempfile
import threading
import urllib.parse

from chdb import session

arguments = argparse.ArgumentParser()
arguments.add_argument("lake")
arguments.add_argument("database")
arguments.add_argument("--prefix", default="")
arguments.add_argument("--user", default="default")
arguments.add_argument("--password", default="")
arguments.add_argument("--fault", default="")
options = arguments.parse_args()

# What a server takes by the request and not by the statement.
OF_REQUEST = {"query_id", "wait_end_of_query", "database"}
state = tempfile.TemporaryDirectory(prefix="retrohunt-clickhouse-")
engine = session.Session(state.name)
lock = threading.Lock()
settings = {}
answers = 0


def quoted(name):
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def text(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def make_tables():
    with open(os.path.join(options.lake, "_catalog.json"), encoding="utf-8") as file:
        catalog = json.load(file)
    engine.query(f"CREATE DATABASE IF NOT EXISTS {quoted(options.database)}")
    engine.query("SET session_timezone = 'UTC'")
    views = [view for view in catalog["views"]]
    for number, view in enumerate(views):
        if options.fault == "table" and number == 0:
            continue
        # Lists cannot be NULL there; all else may be. The schema is that of the catalog and not what is guessed from the files.
        lists = {column["column"] for column in view["columns"] if column["list"] and column["column"]}
        parts = [part["path"] for part in catalog["parts"] if part["path"].startswith(view["folder"] + "/")]
        columns = {}
        for part in parts:
            described = engine.query(f"DESCRIBE file({text(os.path.join(options.lake, part))}, Parquet) FORMAT JSONEachRow")
            for line in described.bytes().decode().splitlines():
                row = json.loads(line)
                columns[row["name"]] = row["type"]
        columns["_also"] = "Array(String)"
        defined = ", ".join(f"{quoted(n)} {'Array(String)' if t.startswith('Array') else t}" for n, t in columns.items())
        table = f"{quoted(options.database)}.{quoted(options.prefix + view['view'])}"
        names = ", ".join(quoted(n) for n in columns)
        structure = text(", ".join(f"{quoted(n)} {'Array(String)' if t.startswith('Array') else t}" for n, t in columns.items()))
        lacking = " LIMIT 0" if options.fault == "rows" and number == 0 else ""
        selects = [
            f"SELECT {names} FROM file({text(os.path.join(options.lake, part))}, Parquet, {structure}) WHERE _view = {text(view['view'])}{lacking}"
            for part in parts
        ]
        # Lists whose names share what is in front of a dot are parts of one there, and a table wants them of one length: such files are read.
        if any("." in name for name in lists):
            engine.query(f"CREATE VIEW {table} AS {' UNION ALL '.join(selects)}")
            continue
        engine.query(f"CREATE TABLE {table} ({defined}) ENGINE = MergeTree ORDER BY tuple()")
        for select in selects:
            engine.query(f"INSERT INTO {table} {select}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        global answers
        sql = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not sql and self.headers.get("Transfer-Encoding") == "chunked":
            sql = self.chunks().decode()
        user, password = self.headers.get("X-ClickHouse-User") or "default", self.headers.get("X-ClickHouse-Key") or ""
        if (user, password) != (options.user, options.password):
            return self.answer(401, f"Code: 516. DB::Exception: {user}: Authentication failed. (AUTHENTICATION_FAILED)".encode())
        if sql.startswith("KILL QUERY"):
            return self.answer(200, b"")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        with lock:
            try:
                for name, value in query.items():
                    if name not in OF_REQUEST and settings.get(name) != value[0]:
                        engine.query(f"SET {name} = {value[0]}")
                        settings[name] = value[0]
                body = engine.query(sql).bytes()
            except Exception as error:  # noqa: BLE001
                return self.answer(500, str(error).encode())
        if "_met" in sql or "SELECT *" in sql:
            answers += 1
        if answers == 3 and options.fault == "die":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 100))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            os._exit(7)
        if answers == 3 and options.fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 1))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        if options.fault == "row" and "SELECT *" in sql and body:
            body += body.splitlines(keepends=True)[0]
        return self.answer(200, body)

    def chunks(self):
        out = b""
        while True:
            length = int(self.rfile.readline().split(b";")[0], 16)
            out += self.rfile.read(length)
            self.rfile.readline()
            if length == 0:
                return out


make_tables()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
