"""Random operations on tables of random columns in three formats and four modes, beside a model in plain
DuckDB. After each step assay, and a program of somebody else, see what the model says.

ASSAY_MODEL_SEEDS   how many seeds a run takes (default 6)
ASSAY_MODEL_STEPS   steps of each (default 8)
ASSAY_MODEL_SECONDS runs new seeds until this time is over instead
ASSAY_MODEL_SEED    one seed again, as its failure printed it
"""
import os
import random
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import peers

SEEDS = int(os.environ.get("ASSAY_MODEL_SEEDS", "6"))
STEPS = int(os.environ.get("ASSAY_MODEL_STEPS", "8"))
SECONDS = float(os.environ.get("ASSAY_MODEL_SECONDS", "0"))
LAYERS = {"ice": "iceberg", "del": "delta", "par": "parquet"}
HEADERS = {
    "added": {"mode": "append", "new_rows_of": ["bronze.feed"]},
    "merged": {"mode": "merge", "key": ["k"], "version": "v", "delete_when": "op = 'D'",
               "new_rows_of": ["bronze.feed"]},
    "parts": {"mode": "replace_partitions", "partition_by": ["part"], "new_rows_of": ["bronze.feed"]},
    "whole": {"mode": "full"},
}
PARTS = ["'a'", "'b'", "'c d/%'", "NULL"]
# Type, what it may become, and its values in SQL.
TYPES = [
    ("INTEGER", "BIGINT", ["0", "-2147483648", "2147483647", "7"]),
    ("SMALLINT", "INTEGER", ["0", "-32768", "5"]),
    ("BIGINT", None, ["-9223372036854775808", "9223372036854775807", "1"]),
    ("FLOAT", "DOUBLE", ["1.5", "'nan'", "'-inf'", "-0.0"]),
    ("DOUBLE", None, ["1.7976931348623157e308", "'nan'", "'inf'", "0.1"]),
    ("DECIMAL(9,2)", "DECIMAL(20,2)", ["9999999.99", "-0.01", "0"]),
    ("DECIMAL(38,5)", None, ["123456789012345678901234567890123.45678", "-1"]),
    ("VARCHAR", None, ["''", "'it''s'", "repeat('ü', 80)", "chr(1114111)", "'null'"]),
    ("BLOB", None, [r"'\x00\xFF'::BLOB", "''::BLOB"]),
    ("BOOLEAN", None, ["true", "false"]),
    ("DATE", None, ["'0001-01-01'", "'1969-12-31'", "'9999-12-31'"]),
    ("TIMESTAMP", None, ["'1969-12-31 23:59:59.999999'", "'2024-02-29 12:00:00'"]),
    ("TIMESTAMPTZ", None, ["'1969-12-31 23:59:59.999999+00'", "'2024-02-29 12:00:00.000001+00'"]),
    ("INTEGER[]", None, ["[]", "[1, NULL]"]),
    ("STRUCT(x INTEGER, y VARCHAR)", None, ["{x: 1, y: NULL}", "{x: NULL, y: 'ü'}"]),
]


class Column:
    def __init__(self, name, chosen):
        self.name = name
        self.type, self.wider, self.values = chosen

    def widen(self):
        self.type, self.wider = self.wider, None


class World:
    """The project, the model, and what both have been through."""

    def __init__(self, seed, project, connection):
        self.random = random.Random(seed)
        self.seed, self.project, self.db = seed, project, connection
        self.columns = []
        self.batches = 0
        self.waiting = 0     # rows in files that no run has loaded
        self.known = {"k": "INTEGER", "v": "BIGINT", "op": "VARCHAR", "part": "VARCHAR"}
        self.states = 0
        self.said = {}       # (k, v) -> SQL of the rest: a version of a key says one thing
        self.log = []
        # of each model: the state that it has, and how many batches are in it; by snapshot, too
        self.now = {f"{layer}.{name}": (None, 0) for layer in LAYERS for name in HEADERS}
        self.past = {name: {} for name in self.now}
        self.snapshot = {name: None for name in self.now}
        for _ in range(self.random.randint(1, 4)):
            self.add_column()
        self.lay_out()

    def lay_out(self):
        project = self.project
        storage = {"format": "parquet", "warehouse": "lake", "keep": {"snapshots": 1000},
                   "layers": {layer: {"format": name, "keep": {"snapshots": 4, "days": 0}}
                              for layer, name in LAYERS.items()}}
        if self.random.random() < 0.5:
            storage["catalog"] = "sqlite"
            self.log.append("catalog sqlite")
        project.storage(**storage)
        project.write("data/.keep", "")
        project.extract("bronze.feed", source={"files": "data/*.parquet", "format": "parquet"})
        for layer in LAYERS:
            for name, header in HEADERS.items():
                project.model(f"{layer}.{name}", "select * exclude (_source_file, _source_row, "
                              "_loaded_at, _run_id) from bronze.feed", **header)

    # ---- operations ----

    def add_column(self):
        column = Column(f"c{len(self.columns)}", self.random.choice(TYPES))
        self.columns.append(column)
        self.log.append(f"add {column.name} {column.type}")

    def widen_column(self):
        chosen = [column for column in self.columns if column.wider]
        if chosen:
            column = self.random.choice(chosen)
            column.widen()
            self.log.append(f"widen {column.name} to {column.type}")

    def row(self):
        key, version = self.random.randint(1, 25), self.random.randint(1, 80)
        said = self.said.setdefault((key, version), {
            "op": self.random.choice(["'U'"] * 5 + ["'D'"]), "part": self.random.choice(PARTS)})
        # What was said of a key and version stays as it was: later columns are NULL in it.
        known = said.setdefault("known", [column.name for column in self.columns])
        cells = []
        for column in self.columns:
            if column.name not in said:
                said[column.name] = self.random.choice([*column.values, "NULL"]) \
                    if column.name in known else "NULL"
            cells.append(f"({said[column.name]})::{column.type} AS {column.name}")
        return (f"SELECT {key}::INTEGER AS k, {version}::BIGINT AS v, {said['op']} AS op, "
                f"({said['part']})::VARCHAR AS part, " + ", ".join(cells))

    def feed(self):
        """A file more: its rows are batch n of the model's feed."""
        count = self.random.choice([0, 1, 5, 30])
        rows = "\nUNION ALL ".join(self.row() for _ in range(max(count, 1)))
        if count == 0:
            rows = f"SELECT * FROM ({rows}) WHERE false"
        self.batches += 1
        self.waiting += count
        self.log.append(f"batch {self.batches}: {count} rows")
        self.db.execute(f"CREATE TABLE batch{self.batches} AS {rows}")
        path = self.project.root / "data" / f"{self.batches:04d}.parquet"
        self.db.execute(f"COPY batch{self.batches} TO '{path}' (FORMAT parquet)")

    def run(self, *args):
        self.log.append("run " + " ".join(args))
        result = self.project.run("run", *args)
        assert result.code == 0, result
        if self.waiting > 0 and not args:
            # Files without rows change nothing, not even the columns.
            self.known |= {column.name: column.type for column in self.columns}
            self.waiting = 0

    def rollback(self):
        """Back to an earlier snapshot: the rows after it come again with the next run."""
        name = self.random.choice(list(self.now))
        earlier = [snapshot for snapshot in self.history(name)[1:] if snapshot in self.past[name]]
        if not earlier:
            return
        target = self.random.choice(earlier)
        self.log.append(f"rollback {name} to {target}")
        self.project.ok("table", "rollback", name, str(target))
        self.now[name] = self.past[name][target]
        self.snapshot[name] = self.listed()[name]["snapshot_id"]
        self.past[name][self.snapshot[name]] = self.now[name]

    def expire(self):
        self.log.append("expire")
        self.project.ok("table", "expire")

    def refresh(self):
        """A table is built again from all of its input."""
        name = self.random.choice(list(self.now))
        self.run(name, "--full-refresh", "--yes")
        self.take(name, self.listed()[name], True)

    # ---- the model ----

    def shaped(self, relation):
        """The relation with every column that there is now, in its type."""
        have = {row[0] for row in self.db.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
        return "SELECT " + ", ".join(
            f'"{name}"::{type_name} AS "{name}"' if name in have else f'NULL::{type_name} AS "{name}"'
            for name, type_name in self.known.items()) + f" FROM {relation}"

    def make(self, sql):
        self.states += 1
        self.db.execute(f"CREATE TABLE state{self.states} AS {sql}")
        return f"state{self.states}"

    def compute(self, mode, state, seen):
        """The state of a mode after the batches that it has not seen yet."""
        first = 0 if mode == "whole" else seen
        fresh = [self.shaped(f"batch{number}") for number in range(first + 1, self.batches + 1)]
        nothing = self.shaped(f"batch{self.batches}") + " WHERE false"
        new = "(" + " UNION ALL ".join(fresh or [nothing]) + ")"
        old = "(" + (self.shaped(state) if state else nothing) + ")"
        if mode == "whole":
            return f"SELECT * FROM {new}"
        if mode == "added":
            return f"SELECT * FROM {old} UNION ALL SELECT * FROM {new}"
        if mode == "parts":
            return (f"SELECT * FROM {old} o WHERE NOT EXISTS (SELECT 1 FROM {new} n WHERE "
                    f"n.part IS NOT DISTINCT FROM o.part) UNION ALL SELECT * FROM {new}")
        best = f"(SELECT * FROM {new} QUALIFY row_number() OVER (PARTITION BY k ORDER BY v DESC) = 1)"
        return (f"SELECT * FROM {old} o WHERE NOT EXISTS (SELECT 1 FROM {best} n WHERE n.k = o.k AND "
                f"n.v > o.v) UNION ALL SELECT * FROM {best} n WHERE op <> 'D' AND NOT EXISTS "
                f"(SELECT 1 FROM {old} o WHERE o.k = n.k AND o.v >= n.v)")

    def same(self, left, right):
        return self.db.execute(f"SELECT count(*) FROM ((FROM {left} EXCEPT ALL FROM {right}) UNION ALL "
                               f"(FROM {right} EXCEPT ALL FROM {left}))").fetchone()[0] == 0

    def take(self, name, listed, anew=False):
        """What the run has made of a table, by the model; whether it committed is seen."""
        state, seen = (None, 0) if anew else self.now[name]
        after = self.make(self.compute(name.split(".")[1], state, seen))
        committed = listed is not None and listed.get("snapshot_id") != self.snapshot[name]
        if not committed:
            # Nothing to do: what the model has now is what the table has, in the columns that it has.
            before = f"({self.shaped(state)})" if state else None
            assert self.same(before, after) if before else self.empty(after), name
            return
        self.snapshot[name] = listed["snapshot_id"]
        self.now[name] = (after, self.batches)
        self.past[name][self.snapshot[name]] = self.now[name]

    def empty(self, state):
        return self.db.execute(f"SELECT count(*) FROM {state}").fetchone()[0] == 0

    # ---- looking ----

    def listed(self):
        tables = self.project.ok("table", "list", "--output", "json").json()["tables"]
        return {table["name"]: table for table in tables}

    def history(self, name):
        shown = self.project.ok("table", "history", name, "--output", "json").json()["snapshots"]
        return [snapshot["snapshot_id"] for snapshot in shown]

    def columns_of(self, state):
        return self.db.execute(f"SELECT * FROM {state} LIMIT 0").description

    def check_by_assay(self):
        """One query over all tables: rows that only one side has."""
        parts = []
        for name, (state, _) in self.now.items():
            if state is None or self.snapshot[name] is None:
                continue
            path = self.project.root / f"{state}.arrow.parquet"
            self.db.execute(f"COPY {state} TO '{path}' (FORMAT parquet)")
            names = ", ".join(f'"{column[0]}"' for column in self.columns_of(state))
            mine, theirs = f"SELECT {names} FROM read_parquet('{path}')", f"SELECT {names} FROM {name}"
            parts.append(f"SELECT '{name}' AS t, count(*) AS n FROM (({mine} EXCEPT ALL {theirs}) "
                         f"UNION ALL ({theirs} EXCEPT ALL {mine}))")
        rows = self.project.query("\nUNION ALL\n".join(parts))["rows"]
        wrong = [name for name, count in rows if count != 0]
        assert not wrong, [(name, self.now[name]) for name in wrong]

    def check_reader(self, name, snapshot, state):
        """A program of somebody else at a snapshot."""
        layer, table = name.split(".")
        location = self.project.table(name)
        if layer == "ice":
            found = peers.read_pyiceberg(location, snapshot)
        elif layer == "del":
            found = peers.read_deltars(location, snapshot)
        else:
            folder = self.project.root / "lake" / layer / f".{table}" / f"v{snapshot}"
            files = [pq.read_table(path, partitioning=None) for path in folder.rglob("*.parquet")]
            found = pa.concat_tables(files, promote_options="permissive") if files else None
        columns = [column[0] for column in self.columns_of(state)]
        types = dict(self.db.execute(f"SELECT column_name, column_type FROM (DESCRIBE {state})").fetchall())
        if found is None:
            assert self.empty(state), name
            return
        self.db.register("found", found)
        # A version of a Parquet folder has the columns of its files; those that none has are NULL.
        picked = ", ".join(f'"{column}"::{types[column]} AS "{column}"' if column in found.column_names
                           else f'NULL::{types[column]} AS "{column}"' for column in columns)
        try:
            assert self.same(f"(SELECT {picked} FROM found)", state), (name, snapshot, state)
        finally:
            self.db.unregister("found")

    def check(self):
        self.check_by_assay()
        for name, (state, _) in self.now.items():
            if state is not None and self.snapshot[name] is not None:
                self.check_reader(name, self.snapshot[name], state)
        self.check_travel()

    def check_travel(self):
        """A random table at a random snapshot that is still there."""
        name = self.random.choice(list(self.now))
        if self.snapshot[name] is None:
            return
        history = self.history(name)
        assert history[0] == self.snapshot[name], (name, history)
        known = [snapshot for snapshot in history if snapshot in self.past[name]]
        snapshot = self.random.choice(known)
        state = self.past[name][snapshot][0]
        path = self.project.root / f"{state}.arrow.parquet"
        self.db.execute(f"COPY {state} TO '{path}' (FORMAT parquet)")
        names = ", ".join(f'"{column[0]}"' for column in self.columns_of(state))
        mine, theirs = f"SELECT {names} FROM read_parquet('{path}')", f"SELECT {names} FROM {name}"
        rows = self.project.query(
            f"SELECT count(*) FROM (({mine} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {mine}))",
            "--at", str(snapshot))["rows"]
        assert rows == [[0]], (name, snapshot, state)
        self.check_reader(name, snapshot, state)

    def step(self):
        if self.random.random() < 0.3:
            self.add_column()
        if self.random.random() < 0.3:
            self.widen_column()
        for _ in range(self.random.choice([1, 1, 2])):
            self.feed()
        self.run()
        listed = self.listed()
        for name in self.now:
            self.take(name, listed.get(name))
        self.check()
        chance = self.random.random()
        if chance < 0.15:
            self.expire()
        elif chance < 0.35:
            self.rollback()
        elif chance < 0.45:
            self.refresh()
        elif chance < 0.55:
            before = self.listed()
            self.run()
            assert self.listed() == before, "a run without news"
        else:
            return
        self.check()


def play(seed, make_project, name, steps=STEPS):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    project = make_project(name)
    project.write("assay.yaml", {"name": "model"})
    world = World(seed, project, connection)
    try:
        for _ in range(steps):
            world.step()
    except BaseException:
        print(f"\nASSAY_MODEL_SEED={seed}; what was done:\n  " + "\n  ".join(world.log))
        raise
    finally:
        connection.close()


def seeds():
    one = os.environ.get("ASSAY_MODEL_SEED")
    return [int(one)] if one else list(range(1, SEEDS + 1))


@pytest.mark.parametrize("seed", seeds())
def test_random_operations_agree_with_the_model(make_project, seed):
    play(seed, make_project, f"seed{seed}")


@pytest.mark.skipif(SECONDS == 0, reason="the long mode: set ASSAY_MODEL_SECONDS")
def test_random_operations_for_a_long_time(make_project):
    end = time.monotonic() + SECONDS
    seed = random.SystemRandom().randrange(1 << 32)
    while time.monotonic() < end:
        print(f"seed {seed}", flush=True)
        play(seed, make_project, f"seed{seed}", random.Random(seed).randint(3, 40))
        seed += 1
