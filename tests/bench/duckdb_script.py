"""The peer of the benchmark: what a good engineer would write without assay. Reads the models of a
project, runs the same SQL in one DuckDB and writes a Parquet file a table: no tests, no lineage, no
atomic commit, no history.

    python duckdb_script.py PROJECT OUTPUT [MEMORY_LIMIT]
"""
import re
import sys
from pathlib import Path

import duckdb
import yaml

TABLE = re.compile(r"\b(?:from|join)\s+((?:bronze|silver|gold)\.\w+)", re.IGNORECASE)


def quote(text):
    return "'" + str(text).replace("'", "''") + "'"


def read_extract(path, project):
    model = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = quote(project / model["source"]["files"])
    columns = model.get("contract", {}).get("columns", {})
    if model["source"].get("format") == "csv" or ".csv" in model["source"]["files"]:
        types = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in columns.items())
        source = f"read_csv({files}, header = true, types = {{{types}}}, filename = '_source_file')"
    elif "json" in model["source"]["files"]:
        source = f"read_json({files}, filename = '_source_file')"
    else:
        source = f"read_parquet({files}, filename = '_source_file')"
    return f"SELECT *, row_number() OVER () AS _source_row FROM {source}"


def read_models(project):
    """name -> SQL of every table, in the order in which they can run."""
    sql = {}
    for path in sorted((project / "models").glob("*/*")):
        name = f"{path.parent.name}.{path.stem}"
        if path.suffix == ".yaml":
            sql[name] = read_extract(path, project)
        else:
            text = path.read_text(encoding="utf-8")
            sql[name] = re.sub(r"\A\s*/\* ---.*?--- \*/", "", text, flags=re.DOTALL)
    order, waiting = [], dict(sql)
    while waiting:
        ready = [name for name, text in waiting.items()
                 if not {t.lower() for t in TABLE.findall(text)} & waiting.keys() - {name}]
        if not ready:
            sys.exit(f"the models go round in a circle: {sorted(waiting)}")
        order += ready
        for name in ready:
            del waiting[name]
    return {name: sql[name] for name in order}


def main():
    project, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    if len(sys.argv) > 3:
        connection.execute(f"SET memory_limit = {quote(sys.argv[3])}")
    for layer in ("bronze", "silver", "gold"):
        connection.execute(f"CREATE SCHEMA {layer}")
    for name, sql in read_models(project).items():
        target = quote(output / f"{name}.parquet")
        connection.execute(f"COPY ({sql}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({target})")


if __name__ == "__main__":
    main()
