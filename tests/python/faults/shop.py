"""A small shop from bronze to gold in one format, and what must hold of it after any accident."""
import json
import sqlite3
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

import peers

FORMATS = ["iceberg", "delta", "parquet"]
TABLES = ["bronze.orders", "silver.orders", "silver.log", "gold.daily"]
TERMINAL = {"COMPLETE", "FAIL", "ABORT"}
ROWS = 40000


def orders(first, count):
    """CSV text of orders first .. first + count - 1."""
    lines = ["id,day,amount,country\n"]
    lines += [f"{i},2026-0{1 + i % 3}-{1 + i % 28:02d},{i % 977}.25,{'DE FR IT ES'.split()[i % 4]}\n"
              for i in range(first, first + count)]
    return "".join(lines)


def build(project, table_format, files=2, rows=ROWS):
    """bronze.orders (append, from files) -> silver.orders (full), silver.log (append) -> gold.daily."""
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.format = table_format
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    for number in range(files):
        project.write(f"data/orders{number}.csv", orders(number * rows, rows))
    project.extract("bronze.orders", source={"files": "data/orders*.csv", "format": "csv"},
                    contract={"columns": {"id": "BIGINT", "day": "DATE", "amount": "DECIMAL(12,2)",
                                          "country": "VARCHAR"}})
    project.model("silver.orders", "select id, day, amount, country from bronze.orders")
    project.model("silver.log", "select id, amount, _source_file as file from bronze.orders",
                  mode="append", new_rows_of=["bronze.orders"])
    project.model("gold.daily", "select day, country, count(*) as orders, sum(amount) as amount\n"
                  "from silver.orders group by all", partition_by=["country"])
    project.write("config/dq.yaml", {"silver": {"orders": {"critical": [
        {"expect_column_values_to_be_unique": {"column": "id"}}]}}})


def peer_rows(project, table):
    """How many rows a program of somebody else sees, or None where there is no table (yet)."""
    folder = Path(project.table(table))
    if project.format == "iceberg":
        if not list((folder / "metadata").glob("*.metadata.json")):
            return None
        return peers.read_pyiceberg(str(folder)).num_rows
    if project.format == "delta":
        if not list((folder / "_delta_log").glob("*.json")):
            return None
        return peers.read_deltars(str(folder)).num_rows
    if not folder.is_symlink():
        return None  # not yet committed: nothing, or a folder with the state file to be
    return sum(pq.ParquetFile(path).metadata.num_rows for path in folder.resolve().rglob("*.parquet"))


def counts(project):
    return {table: peer_rows(project, table) for table in TABLES}


def content(project):
    """Rows of every table, without what differs from run to run."""
    found = {}
    for table, columns in (("bronze.orders", "id, day, amount, country, _source_file, _source_row"),
                           ("silver.orders", "*"), ("silver.log", "*"), ("gold.daily", "*")):
        result = project.query(f"select count(*), count(distinct t), sum(hash(t))::varchar "
                               f"from (select {columns} from {table}) t")
        found[table] = result["rows"][0]
    return found


def events(project):
    path = project.root / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def check_lineage(project):
    """Every START has exactly one terminal event, and no other run has one. Delivery is at least
    once: the very same event may stand there twice."""
    kinds, known = {}, set()
    for event in events(project):
        text = json.dumps(event, sort_keys=True)
        if text in known:
            continue
        known.add(text)
        kinds.setdefault((event["run"]["runId"], event["job"]["name"]), []).append(event["eventType"])
    for key, seen in kinds.items():
        starts = [kind for kind in seen if kind == "START"]
        ends = [kind for kind in seen if kind in TERMINAL]
        assert len(starts) <= 1 and len(ends) == 1, (key, seen)


def history(project):
    """Rows of the run history: [(run, status)] and [(run, table, outcome)]."""
    (path,) = (project.root / ".assay").glob("*/state.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        runs = connection.execute("select run_id, status from runs").fetchall()
        steps = connection.execute("select run_id, table_name, outcome from steps").fetchall()
    return runs, steps


def check_history(project):
    runs, steps = history(project)
    assert not [run for run in runs if run[1] == "running"], runs
    assert not [step for step in steps if step[2] in ("running", "pending")], steps


def parquet_files(project, table):
    """Every data file below a table's folders, by name (the Parquet format links them)."""
    layer, name = table.split(".")
    base = project.root / "lake" / layer
    found = [*(base / name).rglob("*.parquet"), *(base / f".{name}").rglob("*.parquet")]
    return Counter(path.name for path in found)


def live_files(project, table):
    """Names of the data files that some snapshot of the table refers to."""
    folder = Path(project.table(table))
    if (folder / "metadata").is_dir():
        from pyiceberg.table import StaticTable

        found = StaticTable.from_metadata(peers.iceberg_metadata(str(folder)))
        names = set()
        for snapshot in found.snapshots():
            for manifest in snapshot.manifests(found.io):
                names |= {Path(entry.data_file.file_path).name
                          for entry in manifest.fetch_manifest_entry(found.io)}
        return names
    if (folder / "_delta_log").is_dir():
        names = set()
        for path in (folder / "_delta_log").glob("*.json"):
            for line in path.read_text().splitlines():
                action = json.loads(line).get("add")
                if action:
                    names.add(action["path"].rsplit("/", 1)[-1])
        return names
    layer, name = table.split(".")
    versions = (project.root / "lake" / layer / f".{name}").glob("v*")
    return {path.name for version in versions for path in version.rglob("*.parquet")}


def leftovers(project):
    """Staged files that nothing refers to."""
    return {table: sorted(set(parquet_files(project, table)) - live_files(project, table))
            for table in TABLES if parquet_files(project, table)}


def check_clean(project):
    assert not any(leftovers(project).values()), leftovers(project)
