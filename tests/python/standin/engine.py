"""fakesnow with its databases in files, so that a server that died finds them again.

What fakesnow has no setting for is replaced: the folder of internal stages, FILES = (..) of a COPY
from an internal stage, and how COPY matches columns by name (fakesnow makes every name upper case).
"""
import os
import re
import threading
from pathlib import Path

import duckdb
import fakesnow.copy_into
import fakesnow.rowtype
from fakesnow import info_schema, macros
from fakesnow.fakes import FakeSnowflakeConnection
from fakesnow.instance import GLOBAL_DATABASE_NAME
from fakesnow.transforms import show, stage

from locks import TableLocks

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
KEPT_RESULTS = 20
MORE_TYPES = {"FLOAT": "real", "TINYINT": "fixed", "SMALLINT": "fixed", "UTINYINT": "fixed",
              "USMALLINT": "fixed", "UINTEGER": "fixed", "UUID": "text"}


class LastResults(dict):
    """fakesnow keeps every result for RESULT_SCAN; here the newest few, for memory's sake."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        for old in list(self)[:-KEPT_RESULTS]:
            del self[old]


class Engine:
    def __init__(self, data, databases=()):
        self.data = Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        self.locks = TableLocks()
        self.ddl = threading.RLock()
        self.results = LastResults()        # fakesnow's
        self.answered = LastResults()       # query id -> Result
        self.duck = duckdb.connect(":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"})
        self.duck.execute("SET GLOBAL TimeZone = 'UTC'")
        self.attach(self.data / "global.duckdb", GLOBAL_DATABASE_NAME)
        self.duck.execute(columns_with_time_precision(info_schema.fs_global_creation_sql()))
        self.duck.execute(show.fs_global_creation_sql())
        replace_parts_of_fakesnow(self.data / "stages")
        for file in sorted(self.data.glob("*.db")):
            self.attach(file, file.stem)
        for name in databases:
            if not (self.data / f"{name.upper()}.db").exists():
                self.create_database(self.duck, name.upper())

    def attach(self, file, name):
        path = str(file).replace("'", "''")
        self.duck.execute(f"ATTACH '{path}' AS \"{name}\"")

    def create_database(self, duck, name):
        """As Snowflake makes one: with the schema PUBLIC."""
        if not PLAIN_NAME.match(name):
            raise ValueError(f"the stand-in takes no database '{name}'")
        self.attach(self.data / f"{name}.db", name)
        duck.execute(info_schema.per_db_creation_sql(name))
        duck.execute(macros.creation_sql(name))
        duck.execute(f'CREATE SCHEMA "{name}"."PUBLIC"')

    def connect(self, database, schema):
        return FakeSnowflakeConnection(
            self.duck.cursor(), self.results, database, schema, create_database=False,
            create_schema=False, db_path=self.data)


def columns_with_time_precision(sql):
    """Adds INFORMATION_SCHEMA.COLUMNS.DATETIME_PRECISION, which fakesnow leaves out."""
    before = "COLLATION_NAME, IS_IDENTITY"
    if before not in sql:
        raise RuntimeError("fakesnow's view of columns is another one than the stand-in knows")
    return sql.replace(before, "case when columns.data_type like 'TIME%' then 6 end as "
                       "DATETIME_PRECISION, " + before)


def replace_parts_of_fakesnow(stages):
    stages.mkdir(parents=True, exist_ok=True)
    stage.LOCAL_BUCKET_PATH = os.path.realpath(stages)
    source_urls = fakesnow.copy_into._source_urls

    def urls_of_files(source, files):
        if stage.is_internal(source) and files:
            return [f"{source.rstrip('/')}/{name}" for name in files]
        return source_urls(source, files)

    fakesnow.copy_into._source_urls = urls_of_files
    fakesnow.copy_into._get_table_columns = columns_as_they_are
    fakesnow.copy_into._match_parquet_columns = match_columns
    fakesnow.rowtype.duckdb_to_sf_type.update(MORE_TYPES)


def columns_as_they_are(table, duck, database, schema):
    return [row[0] for row in fakesnow.copy_into._describe_table(table, duck, database, schema)]


def match_columns(in_file, in_table, mode):
    """{column of the table: column of the file}"""
    if mode == fakesnow.copy_into.MatchByColumnName.CASE_INSENSITIVE:
        found = {name.upper(): name for name in in_file}
        return {name: found[name.upper()] for name in in_table if name.upper() in found}
    return {name: name for name in in_table if name in in_file}
