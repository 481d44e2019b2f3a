"""The example day by day: after each daily drop every table of silver and gold equals what the same SQL
in a bare DuckDB makes of all files so far, and a day's run writes only what it must."""
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from pyiceberg.table import StaticTable

import peers

ROOT = Path(__file__).resolve().parents[3]
PEER = ROOT / "tests/bench/duckdb_script.py"
FORMATS = ["iceberg", "delta", "parquet"]
NEVER_NEW = ["bronze.fx_rates", "bronze.fx_quotes", "silver.fx_rates"]


def current_files(root, table, table_format):
    """Paths of the data files that the current snapshot has."""
    folder = root / "lake" / table.replace(".", "/")
    if table_format == "iceberg":
        found = StaticTable.from_metadata(peers.iceberg_metadata(str(folder)))
        return {task.file.file_path.removeprefix("file://") for task in found.scan().plan_files()}
    if table_format == "delta":
        return {uri.removeprefix("file://") for uri in DeltaTable(str(folder)).file_uris()}
    return {str(path) for path in folder.resolve().rglob("*.parquet")}


def rows_of(files):
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in sorted(files))
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"


def differing(connection, files, peer):
    columns = ", ".join(f'"{row[0]}"' for row in connection.execute(
        f"describe select * from read_parquet('{peer}')").fetchall())
    ours = f"(select {columns} from {rows_of(files)})" if files else None
    theirs = f"(select {columns} from read_parquet('{peer}'))"
    if ours is None:
        return connection.execute(f"select count(*) from {theirs}").fetchone()[0]
    return connection.execute(f"select (select count(*) from ({ours} except all {theirs})) + "
                              f"(select count(*) from ({theirs} except all {ours}))").fetchone()[0]


def check_equal(root, table_format, oracle, day):
    connection = duckdb.connect()
    for peer in sorted(oracle.glob("*.parquet")):
        table = peer.name.removesuffix(".parquet")
        if not table.startswith("bronze."):
            found = differing(connection, current_files(root, table, table_format), peer)
            assert found == 0, f"{day}: {found} rows of {table} differ in {table_format}"


def check_rewritten(before, after, day):
    """A file that left its table had a row that is no longer there as it was. Parquet links the files
    that stay into the folder of the next version, so files are told apart by name."""
    connection = duckdb.connect()
    for table, files in before.items():
        names = {Path(path).name for path in after[table]}
        left = [path for path in files if Path(path).name not in names and Path(path).exists()]
        for path in left:
            gone = connection.execute(f"select count(*) from (select * from {rows_of([path])} except all "
                                      f"select * from {rows_of(after[table])})").fetchone()[0]
            assert gone > 0, f"{day}: '{path}' of {table} was written again for nothing"


def day_of(path):
    return next(part for part in path.parts if part.startswith("date="))


def run_days(assay, source, work, days=None):
    """`source` is a project with all its files; they are given to projects of each format by day."""
    drops = sorted({day_of(path) for path in (source / "data").rglob("date=*") if path.is_dir()})
    drops = drops[:days]
    assert drops
    roots = {}
    for table_format in FORMATS:
        roots[table_format] = work / table_format
        shutil.copytree(source, roots[table_format],
                        ignore=lambda folder, names: [n for n in names if n.startswith("date=")])
        storage = roots[table_format] / "config/storage.yaml"
        storage.write_text(storage.read_text().replace("${ASSAY_FORMAT:-iceberg}", table_format))
    merged = ["silver.orders", "silver.customers", "silver.opportunities", "gold.dim_customer"]
    for day in ["base", *drops]:
        for root in roots.values():
            for folder in (source / "data").rglob(day):
                shutil.copytree(folder, root / folder.relative_to(source))
        oracle = work / ("oracle-" + day.replace("=", "-"))
        subprocess.run([sys.executable, str(PEER), str(roots["iceberg"]), str(oracle)], check=True)
        for table_format, root in roots.items():
            before = {} if day == "base" else {t: current_files(root, t, table_format) for t in merged}
            events = assay.ok("run", "--output", "json", "--now", "2026-11-30", cwd=root).events()
            check_equal(root, table_format, oracle, day)
            if day == "base":
                continue
            states = {e["step"]: e for e in events if e["event"] == "step_finished"}
            assert {states[name]["state"] for name in NEVER_NEW} == {"skipped"}, states
            check_rewritten(before, {t: current_files(root, t, table_format) for t in merged}, day)
        shutil.rmtree(oracle)


def test_every_day_of_the_example_equals_a_rebuild(assay, tmp_path):
    assay.ok("init", "retail", tmp_path / "made", "--scale", "0.02", "--seed", "11", "--asof", "2026-11-22")
    run_days(assay, tmp_path / "made", tmp_path, days=4)


@pytest.mark.shared
def test_every_day_of_real_files_equals_a_rebuild(assay, tmp_path, shared):
    assay.ok("init", "retail", tmp_path / "made", "--scale", "0.001")
    shutil.rmtree(tmp_path / "made/data")
    for folder in ("snowflake", "redshift", "crm", "fx", "kafka"):
        shutil.copytree(shared / "data/retail" / folder, tmp_path / "made/data" / folder)
    packed = subprocess.run(["zstd", "-dc", shared / "data/retail/daily.tar.zst"], check=True,
                            capture_output=True).stdout
    subprocess.run(["tar", "-xf", "-", "-C", tmp_path / "made/data"], input=packed, check=True)
    run_days(assay, tmp_path / "made", tmp_path)
