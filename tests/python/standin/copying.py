"""Stages: what fakesnow does not check of COPY and PUT, and REMOVE."""
import os
import shutil

from fakesnow.transforms.options import parse_options
from fakesnow.transforms.stage import internal_dir, internal_file_name
from sqlglot import exp

from errors import SnowflakeError

OPTIONS = {"FILE_FORMAT", "FORCE", "FILES", "PURGE", "ON_ERROR", "MATCH_BY_COLUMN_NAME"}
PARQUET_OPTIONS = {"TYPE", "USE_LOGICAL_TYPE", "BINARY_AS_TEXT", "USE_VECTORIZED_SCANNER",
                   "REPLACE_INVALID_CHARACTERS", "COMPRESSION", "SNAPPY_COMPRESSION", "TRIM_SPACE",
                   "NULL_IF", "FORMAT_NAME"}
MAX_FILES = 1000


def check(session, copy):
    """The limits and the options of COPY INTO <table> that Snowflake's documentation names."""
    for param in list(copy.args.get("params") or []):
        name = param.this.name.upper()
        if name not in OPTIONS:
            raise SnowflakeError(603, "XX000", f"the stand-in does not know COPY's option {name}")
        if name == "FILES" and len(list(param.find_all(exp.Literal))) > MAX_FILES:
            raise SnowflakeError(1479, "22000", "The number of files in FILES exceeds 1000.")
        if name == "FORCE" and param.expression and param.expression.sql().upper() == "FALSE":
            copy.args["params"].remove(param)
        if name == "FILE_FORMAT":
            check_format(parse_options(param.expressions))


def check_format(options):
    if str(options.get("TYPE", "")).upper() != "PARQUET":
        return
    unknown = set(options) - PARQUET_OPTIONS
    if unknown:
        raise SnowflakeError(1420, "22023", f"invalid file format option {sorted(unknown)}")
    # Without it Snowflake loads times as bare integers; the stand-in has no such mode.
    if str(options.get("USE_LOGICAL_TYPE", "")).upper() != "TRUE":
        raise SnowflakeError(603, "XX000", "the stand-in loads Parquet only with "
                             "USE_LOGICAL_TYPE = TRUE (times would be integers)")


def put_options(put):
    options = parse_options(put.args.get("properties") or [])
    chosen = {}
    if "OVERWRITE" in options:
        chosen["overwrite"] = bool(options["OVERWRITE"])
    if "PARALLEL" in options:
        chosen["parallel"] = int(options["PARALLEL"])
    if "SOURCE_COMPRESSION" in options:
        chosen["sourceCompression"] = str(options["SOURCE_COMPRESSION"]).lower()
    return chosen


def drop_table_stage(name):
    """The stage of a table goes with it."""
    database, schema, table = name
    shutil.rmtree(internal_dir(f"{database}.{schema}.%{table}"), ignore_errors=True)


def remove_files(root, prefix, text_result):
    rows = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, root).startswith(prefix):
                rows.append([internal_file_name(path), "removed"])
                os.remove(path)
    return text_result(["name", "result"], sorted(rows))
