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
    globs = model["source"]["files"]
    globs = [globs] if isinstance(globs, str) else globs
    found = [str(file) for pattern in globs for file in sorted(project.glob(pattern))]
    files = "[" + ", ".join(quote(file) for file in found) + "]"
    columns = {name: kind["type"] if isinstance(kind, dict) else kind
               for name, kind in model.get("contract", {}).get("columns", {}).items()}
    if ".csv" in globs[0]:
        types = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in columns.items())
        source = (f"read_csv({files}, header = true, types = {{{types}}}, filename = '_source_file', "
                  "hive_partitioning = false)")
    elif "json" in globs[0]:
        source = f"read_json({files}, filename = '_source_file', hive_partitioning = false)"
    else:
        source = f"read_parquet({files}, filename = '_source_file', hive_partitioning = false)"
    return f"SELECT *, row_number() OVER () AS _source_row FROM {source}"


def merged(sql, header, columns):
    """The newest version of each key, without those that are deleted."""
    keys = ", ".join(f'"{name}"' for name in header["key"])
    newest = (f"(SELECT * FROM ({sql}) QUALIFY row_number() OVER (PARTITION BY {keys} "
              f"ORDER BY \"{header['version']}\" DESC) = 1)")
    if header.get("soft_delete"):
        return f"SELECT *, ({header['delete_when']}) IS TRUE AS _is_deleted FROM {newest}"
    where = f"WHERE NOT ({header['delete_when']})" if "delete_when" in header else ""
    return f"SELECT * FROM {newest} {where}"


def history(sql, header, columns):
    """A row for each change of a key, with the interval in which it held."""
    keys, version = header["key"], header["version"]
    by = ", ".join(f'"{name}"' for name in keys)
    parts = [*keys, "effective_start"]
    text = ", ".join(f"length(\"{name}\"::VARCHAR), ':', \"{name}\"::VARCHAR" for name in parts)
    state = ", ".join(f'"{name}"' for name in columns if name not in (*keys, version))
    return f"""WITH said AS (SELECT DISTINCT * FROM ({sql})),
    changed AS (SELECT * FROM (SELECT *, row({state}) AS _state FROM said)
                QUALIFY _state IS DISTINCT FROM lag(_state) OVER (PARTITION BY {by} ORDER BY "{version}"))
    SELECT * EXCLUDE (_state), md5(concat({text})) AS surrogate_key FROM (
        SELECT *, "{version}" AS effective_start,
            lead("{version}") OVER (PARTITION BY {by} ORDER BY "{version}") AS effective_end,
            lead("{version}") OVER (PARTITION BY {by} ORDER BY "{version}") IS NULL AS is_current
        FROM changed)"""


def condition(check):
    """What a row must be so that a check with action quarantine lets it pass."""
    column = f'"{check["column"]}"'
    kind = check["type"]
    if kind == "expect_column_values_to_not_be_null":
        return f"{column} IS NOT NULL"
    if kind == "fk_exists":
        return (f"({column} IS NULL OR {column} IN (SELECT \"{check['reference_column']}\" "
                f"FROM {check['reference_table']}))")
    if kind == "expect_column_values_to_be_between":
        return f"({column} IS NULL OR {column} BETWEEN {check['min_value']} AND {check['max_value']})"
    if kind == "expect_column_values_to_match_regex":
        return f"({column} IS NULL OR regexp_matches({column}, {quote(check['regex'])}))"
    sys.exit(f"the script does not know the check {kind}")


def read_conditions(project):
    """name -> conditions of the rows that are not kept in quarantine."""
    suites = yaml.safe_load((project / "config/dq.yaml").read_text(encoding="utf-8"))
    return {f"{layer}.{table}": [condition(check) for check in suite.get("checks", [])
                                 if check.get("action") == "quarantine"]
            for layer in ("bronze", "silver", "gold") for table, suite in suites.get(layer, {}).items()}


MODES = {"merge": merged, "scd2": history}
HEADER = re.compile(r"\A\s*/\* ---(.*?)--- \*/", re.DOTALL)


def read_model(path):
    text = path.read_text(encoding="utf-8")
    found = HEADER.match(text)
    header = yaml.safe_load(found.group(1)) if found else {}
    return text[found.end():] if found else text, header


def read_models(project):
    """name -> SQL and header of every table, in the order in which they can run."""
    sql, headers, conditions = {}, {}, read_conditions(project)
    for path in sorted((project / "models").glob("*/*")):
        name = f"{path.parent.name}.{path.stem}"
        if path.suffix == ".yaml":
            sql[name], headers[name] = read_extract(path, project), {}
        else:
            sql[name], headers[name] = read_model(path)
            if conditions.get(name):
                sql[name] = f"SELECT * FROM ({sql[name]}) WHERE {' AND '.join(conditions[name])}"
    order, waiting = [], dict(sql)
    while waiting:
        ready = [name for name, text in waiting.items()
                 if not {t.lower() for t in TABLE.findall(text)} & waiting.keys() - {name}]
        if not ready:
            sys.exit(f"the models go round in a circle: {sorted(waiting)}")
        order += ready
        for name in ready:
            del waiting[name]
    return {name: (sql[name], headers[name]) for name in order}


def main():
    project, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    if len(sys.argv) > 3:
        connection.execute(f"SET memory_limit = {quote(sys.argv[3])}")
    for layer in ("bronze", "silver", "gold"):
        connection.execute(f"CREATE SCHEMA {layer}")
    for name, (sql, header) in read_models(project).items():
        mode = MODES.get(header.get("mode"))
        if mode:
            columns = [row[0] for row in connection.execute(f"DESCRIBE {sql}").fetchall()]
            sql = mode(sql, header, columns)
        target = quote(output / f"{name}.parquet")
        connection.execute(f"COPY ({sql}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({target})")


if __name__ == "__main__":
    main()
