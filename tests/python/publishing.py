"""What the tests of publishing share: outside databases as one interface, and a source that changes.

    site = sites("postgres")                       # fixture: also "snowflake"; a database of its own
    orders = Orders(project, site, mode="merge")   # gold.orders, published there
    orders.generation(1)                           # its rows are others now
    project.run("run", env=site.env)
    assert site.read("orders") == orders.expected()
"""
import datetime
import decimal
import json
import os
import re
import uuid

import duckdb

import peers
import postgres_server

KINDS = ["postgres", "snowflake"]
MODES = ["overwrite", "append", "merge"]
UTC = datetime.timezone.utc
LEDGER = "_assay_ledger"


def normal(value):
    """One spelling of a value, whichever program gave it."""
    if value is None or isinstance(value, (bool, float, str)):
        return value
    if isinstance(value, (int, decimal.Decimal)):
        return f"{decimal.Decimal(value).normalize():f}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, (datetime.date, datetime.time, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    raise TypeError(f"{type(value)}: {value!r}")


def normal_rows(names, rows):
    """Rows as dicts of normal values, sorted."""
    made = [dict(zip(names, map(normal, row), strict=True)) for row in rows]
    return sorted(made, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def evaluate(sql):
    """The rows of a SELECT, by DuckDB for Python."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        cursor = connection.execute(sql)
        return normal_rows([d[0] for d in cursor.description], cursor.fetchall())


class PostgresSite:
    kind = "postgres"

    def __init__(self, postgres):
        self.server = postgres
        self.database = postgres.database()
        self.env = dict(postgres.env)
        self.schema = "public"

    def connection(self, **more):
        return self.database.connection(**more)

    def folded(self, name):
        return name.lower()

    def execute(self, sql):
        self.database.execute(sql)

    def exists(self, table, schema=None):
        return self.database.execute(
            "select count(*) from pg_tables where schemaname = "
            f"'{schema or self.schema}' and tablename = '{table}'").strip() == "1"

    def read(self, table, schema=None, columns="*"):
        """The rows, by DuckDB's postgres extension; None where there is no such table."""
        schema = schema or self.schema
        if not self.exists(table, schema):
            return None
        extension = os.path.join(peers.cache_dir(), "extensions", "postgres_scanner.duckdb_extension")
        with duckdb.connect() as connection:
            connection.execute(f"load '{extension}'")
            connection.execute("set timezone = 'UTC'")
            self.make_secret(connection)
            connection.execute("attach '' as pg (type postgres, read_only, secret given)")
            cursor = connection.execute(f'select {columns} from pg."{schema}"."{table}"')
            return normal_rows([d[0].lower() for d in cursor.description], cursor.fetchall())

    def make_secret(self, connection):
        password = postgres_server.PASSWORD.replace("'", "''")
        connection.execute(
            f"create secret given (type postgres, host '127.0.0.1', port {self.server.server.port}, "
            f"database '{self.database.name}', user '{self.database.user}', password '{password}')")

    def count(self, table):
        return int(self.database.execute(f'select count(*) from "{table}"'))

    def staging(self):
        """Names of staging tables that are there."""
        found = self.database.execute("select schemaname || '.' || tablename from pg_tables where "
                                      "lower(tablename) like '%assay\\_stg%'")
        return found.split()

    def down(self):
        self.server.server.stop()

    def up(self):
        self.server.server.start()


class SnowflakeSite:
    kind = "snowflake"

    def __init__(self, snowflake):
        self.server = snowflake
        self.database = snowflake.database()
        self.env = dict(snowflake.env)
        self.schema = "PUBLIC"

    def connection(self, **more):
        return self.database.connection(**more)

    def folded(self, name):
        return name.upper()

    def execute(self, sql):
        self.database.execute(sql)

    def exists(self, table, schema=None):
        return self.database.value(
            f"SELECT count(*) FROM \"{self.database.name}\".INFORMATION_SCHEMA.TABLES WHERE "
            f"\"TABLE_SCHEMA\" = '{schema or self.schema}' AND \"TABLE_NAME\" = '{table}'") == 1

    def read(self, table, schema=None, columns="*"):
        """The rows, by Snowflake's own connector; None where there is no such table."""
        table, schema = table if self.exists(table, schema) else table.upper(), schema or self.schema
        if not self.exists(table, schema):
            return None
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f'SELECT {columns} FROM "{schema}"."{table}"')
            return normal_rows([d[0].lower() for d in cursor.description], cursor.fetchall())

    def count(self, table):
        return self.database.value(f'SELECT count(*) FROM "{table}"')

    def staging(self):
        """Staging tables, stages and files in stages that are there."""
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT \"TABLE_NAME\" FROM INFORMATION_SCHEMA.TABLES WHERE \"TABLE_NAME\" "
                           "LIKE '%ASSAY_STG%'")
            tables = [row[0] for row in cursor.fetchall()]
        return tables + [str(p) for p in (self.server.folder / "data/stages").rglob("*.parquet")
                         if self.database.name in str(p)]

    def down(self):
        self.server.stop()

    def up(self):
        self.server.start()


def ledger(site):
    """The rows of the ledger in the target's schema."""
    rows = site.read(site.folded(LEDGER))
    return [] if rows is None else rows


def check_ledger(site):
    """One row a publish id."""
    ids = [row["publish_id"] for row in ledger(site)]
    assert ids and len(ids) == len(set(ids)), ids
    return len(ids)


def generation_sql(number, rows=300):
    """A table whose rows partly vanish, come and change from one generation to the next."""
    return f"""select i::bigint as id, ('r' || i % 3)::varchar as region,
 (i * 1.25 + case when i % 5 = {number} % 5 then {number} else 0 end)::decimal(12,2) as amount,
 case when i % 11 = 0 then null else 'it''s "{{}}" ü ' || i end as note,
 (i % 2 = 0) as flag, i / 7.0::double as ratio, date '2026-01-01' + (i % 90)::integer as day,
 timestamp '2026-01-01 00:00:00.000001' + to_seconds(i) as at_time,
 timestamptz '2026-01-01 00:00:00+00' + to_minutes(i) as at_zone,
 {number}::integer as version
from range({number * 20}, {number * 20 + rows}) r(i)"""


class Orders:
    """gold.orders, rebuilt whole in each generation, published to `site`; and what must be there."""

    KEY = ["id", "region"]

    def __init__(self, project, site, mode, rows=300, table="orders", table_format="iceberg",
                 connection=None, **publish):
        self.project, self.site, self.mode, self.rows = project, site, mode, rows
        self.table = table
        self.there = {}
        self.number = None
        self.publish = {"to": "there", "table": table, "mode": mode, **publish}
        if mode == "merge":
            self.publish.setdefault("key", self.KEY)
        project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
        project.storage(format=table_format)
        project.write("config/connections.yaml", {"there": connection or site.connection()})
        project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                              "path": "events.jsonl"})
        if mode == "append":
            project.extract("gold.orders", source={"files": "data/*.csv", "format": "csv"},
                            contract={"columns": {"id": "BIGINT", "region": "VARCHAR",
                                                  "amount": "DECIMAL(12,2)", "note": "VARCHAR",
                                                  "flag": "BOOLEAN", "ratio": "DOUBLE", "day": "DATE",
                                                  "at_time": "TIMESTAMP",
                                                  "at_zone": "TIMESTAMPTZ",
                                                  "version": "INTEGER"}},
                            publish=[{**self.publish, "columns": COLUMNS}])
        self.generation(0)

    def generation(self, number):
        """The source becomes that generation; expected() follows."""
        sql = generation_sql(number, self.rows)
        self.number = number
        if self.mode == "append":
            sql = generation_sql(number * 1000, self.rows)
            path = self.project.root / f"data/g{number}.csv"
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                # Written elsewhere first: a run that looks at the folder meanwhile sees whole files.
                part = self.project.root / "part.csv"
                with duckdb.connect() as connection:
                    connection.execute("set timezone = 'UTC'")
                    connection.execute(f"copy ({sql}) to '{part}' (header)")
                part.rename(path)
                self.there.update({(number, row["id"]): row for row in evaluate(sql)})
            return
        self.project.model("gold.orders", sql, publish=[self.publish])
        rows = evaluate(sql)
        if self.mode == "overwrite":
            self.there = {}
        self.there.update({tuple(row[c] for c in self.KEY): row for row in rows})

    def expected(self):
        return sorted(self.there.values(), key=lambda row: json.dumps(row, sort_keys=True, default=str))

    def seen(self):
        """What is there now, or None."""
        return self.site.read(self.site.folded(self.table))

    def run(self, *args, **kwargs):
        return self.project.run("run", *args, env={**self.site.env, **kwargs.pop("env", {})}, **kwargs)

    def check(self):
        seen, expected = self.seen(), self.expected()
        assert seen is not None, "there is no table"
        assert len(seen) == len(expected), (len(seen), len(expected))
        assert seen == expected, next((a, b) for a, b in zip(seen, expected) if a != b)
        check_ledger(self.site)

    def lake(self):
        """The rows in the lake, read by PyIceberg."""
        return peers.read_pyiceberg(self.project.table("gold.orders")).num_rows


COLUMNS = ["id", "region", "amount", "note", "flag", "ratio", "day", "at_time", "at_zone", "version"]


def error_numbers(result):
    return re.findall(r"\bE\d{4}\b", result.err)
