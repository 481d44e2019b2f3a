"""Runs one statement: what Snowflake does otherwise than fakesnow is decided here."""
import re
from pathlib import PurePath

import duckdb
import pyarrow as pa
import snowflake.connector.errors as connector
from fakesnow import statement_type
from fakesnow.dialect import parse_one
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.transforms import stage
from sqlglot import exp

import bindings
import copying
import merge
import rewrites
from cursor import Cursor
from errors import SnowflakeError

DDL = (exp.Create, exp.Drop, exp.Alter, exp.Comment, exp.Grant)
WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Copy)
LOCKS = (exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
RETRIES_OF_DDL = 100
SUCCESS = "Statement executed successfully."

BEGIN = re.compile(r"\s*(BEGIN|START\s+TRANSACTION)(\s+(WORK|TRANSACTION))?(\s+NAME\s+\w+)?\s*;?\s*\Z",
                   re.IGNORECASE)
COMMIT = re.compile(r"\s*COMMIT(\s+WORK)?\s*;?\s*\Z", re.IGNORECASE)
ROLLBACK = re.compile(r"\s*ROLLBACK(\s+WORK)?\s*;?\s*\Z", re.IGNORECASE)
SET_SESSION = re.compile(r"\s*ALTER\s+SESSION\s+SET\s+(.*?);?\s*\Z", re.IGNORECASE | re.DOTALL)
UNSET_SESSION = re.compile(r"\s*ALTER\s+SESSION\s+UNSET\s+([\w\s,]+?);?\s*\Z", re.IGNORECASE)
PARAMETER = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|[^\s,]+)")
SHOW_PARAMETERS = re.compile(r"\s*SHOW\s+PARAMETERS(?:\s+LIKE\s+'([^']*)')?(?:\s+(?:IN|FOR)\s+SESSION)?"
                             r"\s*;?\s*\Z", re.IGNORECASE)
USE_NAME = re.compile(r'\s*USE\s+(WAREHOUSE|ROLE)\s+"?([\w$]+)"?\s*;?\s*\Z', re.IGNORECASE)
WAIT = re.compile(r"\s*(?:CALL|SELECT)\s+SYSTEM\$WAIT\(\s*([\d.]+)\s*(?:,\s*'SECONDS')?\s*\)\s*;?\s*\Z",
                  re.IGNORECASE)
DROP_STAGE = re.compile(r"\s*DROP\s+STAGE\s+(IF\s+EXISTS\s+)?(\S+?)\s*;?\s*\Z", re.IGNORECASE)
RESULT_SCAN = re.compile(r"\s*SELECT\s+\*\s+FROM\s+TABLE\(\s*RESULT_SCAN\(\s*'([^']+)'\s*\)\s*\)\s*;?"
                         r"\s*\Z", re.IGNORECASE)
LIST = re.compile(r"\s*(?:LIST|LS)\s+'?@([^'\s;]+)'?\s*;?\s*\Z", re.IGNORECASE)
REMOVE = re.compile(r"\s*(?:REMOVE|RM)\s+'?@([^'\s;]+)'?\s*;?\s*\Z", re.IGNORECASE)


class Result:
    """Rows, their Snowflake types, the statement's type; of a PUT what to upload where."""

    def __init__(self, table, rowtype, type_id, upload=None, query_id=None):
        self.table = table
        self.rowtype = rowtype
        self.type_id = type_id
        self.upload = upload
        self.query_id = query_id


def text_result(names, rows, type_id=statement_type.SCL):
    """A result of text and integers made here."""
    columns = list(zip(*rows)) if rows else [[] for _ in names]
    numbers = [bool(c) and all(isinstance(v, int) for v in c) for c in columns]
    table = pa.table({name: pa.array(column, pa.int64() if number else pa.string())
                      for name, column, number in zip(names, columns, numbers)})
    kinds = ["BIGINT" if number else "VARCHAR" for number in numbers]
    described = [(n, k, "YES", None, None, None) for n, k in zip(names, kinds)]
    return Result(table, describe_as_rowtype(described), type_id)


def done(type_id=statement_type.SCL, message=SUCCESS):
    return text_result(["status"], [[message]], type_id)


def run(engine, session, sql, bound, running):
    """The Result of one statement; raises SnowflakeError."""
    running.check()
    for pattern, handler in SIMPLE:
        match = pattern.match(sql)
        if match:
            return handler(engine, session, match, running)
    try:
        expression = parse_one(session.connection.variables.inline_variables(sql))
    except connector.Error as error:
        raise SnowflakeError(error.errno, error.sqlstate, error.msg) from None
    except Exception as error:  # noqa: BLE001  (the tokenizer of sqlglot raises its own)
        raise SnowflakeError(1003, "42000", f"SQL compilation error: {error}") from None
    session.refresh()
    try:
        return run_parsed(engine, session, expression, bound, running)
    finally:
        if not session.in_transaction:
            session.locks.release(session)


def run_parsed(engine, session, expression, bound, running):
    if session.broken and not isinstance(expression, DDL):
        raise SnowflakeError(603, "25P02", "the stand-in cannot go on in a transaction in which a "
                             f"statement failed; roll it back ({session.broken})")
    expression = rewrites.apply(session, expression)
    if isinstance(expression, DDL):
        session.commit()
        with engine.ddl:
            return run_ddl(engine, session, expression, bound, running)
    if isinstance(expression, WRITES):
        if not session.flag("AUTOCOMMIT"):
            session.begin()
        if isinstance(expression, LOCKS):
            lock(engine, session, expression, running)
    result = execute(session, expression, bound, running)
    if isinstance(expression, WRITES):
        session.wrote = session.in_transaction
    return result


def lock(engine, session, expression, running):
    node = expression.expressions[0] if isinstance(expression, exp.TruncateTable) else expression.this
    table = node if isinstance(node, exp.Table) else node.find(exp.Table)
    name = ".".join(rewrites.full_name(session, table))
    engine.locks.acquire(session, name, float(session.parameter("LOCK_TIMEOUT")),
                         running.stop.is_set)
    running.check()
    session.refresh()


def run_ddl(engine, session, expression, bound, running):
    if isinstance(expression, exp.Create) and expression.kind == "DATABASE":
        return create_database(engine, session, expression)
    if isinstance(expression, exp.Grant):
        return done(statement_type.DDL)
    for attempt in range(RETRIES_OF_DDL):
        try:
            result = execute(session, expression.copy(), bound, running)
            if isinstance(expression, exp.Drop) and expression.kind == "TABLE":
                copying.drop_table_stage(rewrites.full_name(session, expression.find(exp.Table)))
            return result
        except SnowflakeError as error:
            # Another transaction changes the same table just now: Snowflake waits for it.
            if error.code != "000625" or attempt + 1 == RETRIES_OF_DDL:
                raise
            running.wait(0.05)
    raise AssertionError("not reached")


def create_database(engine, session, expression):
    name = expression.find(exp.Identifier).name
    known = session.duck.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = ?", [name])
    if not known.fetchone():
        engine.create_database(session.duck, name)
    elif not expression.args.get("exists"):
        raise SnowflakeError(2002, "42710", f"Object '{name}' already exists.")
    session.connection.database, session.connection.database_set = name, True
    session.connection._schema, session.connection.schema_set = "PUBLIC", True
    session.duck.execute(f'SET schema = \'{name}.PUBLIC\'')
    return done(statement_type.DDL, f"Database {name} successfully created.")


def execute(session, expression, bound, running):
    """One statement on DuckDB; its errors become Snowflake's."""
    writes = isinstance(expression, WRITES)
    try:
        return execute_raw(session, expression, bound)
    except connector.Error as error:
        break_transaction(session, error, writes)
        raise SnowflakeError(error.errno if error.errno and error.errno > 0 else 603,
                             error.sqlstate or "XX000", error.msg or str(error)) from None
    except duckdb.InterruptException:
        break_transaction(session, "interrupted", writes)
        running.check()
        raise SnowflakeError(604, "57014", "SQL execution canceled") from None
    except SnowflakeError as error:
        break_transaction(session, error.message, writes)
        raise
    except Exception as error:  # noqa: BLE001  (whatever DuckDB or fakesnow did not foresee)
        break_transaction(session, error, writes)
        raise from_duckdb(error) from None


def break_transaction(session, error, writes):
    """DuckDB aborts a transaction with its first failing write; a failed look does no harm."""
    if not session.in_transaction:
        return
    try:
        session.duck.execute("SELECT 1")
    except duckdb.Error:
        session.broken = str(error).split("\n")[0][:200]
    else:
        session.wrote = session.wrote or writes


def from_duckdb(error):
    text = str(error).split("\n")[0][:500]
    if isinstance(error, duckdb.TransactionException):
        return SnowflakeError(625, "57014", f"the lock is held by another transaction ({text})")
    if isinstance(error, duckdb.ConstraintException):
        return SnowflakeError(100072, "22000", f"NULL result in a non-nullable column ({text})")
    if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException)):
        return SnowflakeError(100038, "22018", text)
    if isinstance(error, duckdb.IOException):
        return SnowflakeError(91016, "02000", f"Remote file was not found ({text})")
    return SnowflakeError(603, "XX000", f"{type(error).__name__}: {text}")


def execute_raw(session, expression, bound):
    cursor = Cursor(session.connection, session.duck)
    type_id = statement_type.statement_type_id(expression)
    if isinstance(expression, exp.Merge):
        transformed = cursor._transform(expression, None)
        counts = merge.run(session, transformed)
        return text_result([n for n, _ in counts], [[int(c) for _, c in counts]], type_id)
    if isinstance(expression, exp.Copy):
        copying.check(session, expression)
    params, batch = bindings.read(bound)
    if batch is not None:
        total = 0
        for row in batch:
            cursor.run(expression.copy(), row)
            total += cursor.rowcount or 0
        return text_result(["number of rows inserted"], [[total]], type_id)
    cursor.run(expression.copy(), params)
    rowtype = describe_as_rowtype(cursor._describe_last_sql())
    upload = cursor._last_transformed.args.get("put_stage_data")
    if upload:
        upload = {**upload, "stage_name": cursor._last_transformed.args["put_stage_name"],
                  **copying.put_options(expression)}
    return Result(cursor._arrow_table, rowtype, type_id, upload, cursor.sfqid)


def describe(session, sql):
    """The columns of a statement that is not executed, or None where fakesnow has to run it."""
    try:
        cursor = Cursor(session.connection, session.duck)
        expression = parse_one(sql)
        described = cursor._describe_only(sql)
    except connector.Error as error:
        raise SnowflakeError(error.errno, error.sqlstate, error.msg) from None
    except Exception as error:  # noqa: BLE001
        raise from_duckdb(error) from None
    if described is None:
        return None
    type_id = statement_type.statement_type_id(expression)
    binds = len(list(expression.find_all(exp.Placeholder)))
    return describe_as_rowtype(described), type_id, binds


# Statements that need no parser.

def on_begin(engine, session, match, running):
    session.begin()
    return done(statement_type.TCL)


def on_commit(engine, session, match, running):
    try:
        session.commit()
    except duckdb.Error as error:
        raise from_duckdb(error) from None
    return done(statement_type.TCL)


def on_rollback(engine, session, match, running):
    session.rollback()
    return done(statement_type.TCL)


def on_set(engine, session, match, running):
    pairs = PARAMETER.findall(match[1])
    if not pairs or PARAMETER.sub("", match[1]).strip(" ,\n\t"):
        raise SnowflakeError(1003, "42000", f"SQL compilation error: cannot read '{match[1]}'")
    for name, value in pairs:
        value = value[1:-1].replace("''", "'") if value.startswith("'") else value
        if name.upper() == "AUTOCOMMIT":
            session.commit()
        session.parameters[name.upper()] = value
    return done()


def on_unset(engine, session, match, running):
    from sessions import DEFAULTS

    for name in re.findall(r"\w+", match[1]):
        session.parameters.pop(name.upper(), None)
        if name.upper() in DEFAULTS:
            session.parameters[name.upper()] = DEFAULTS[name.upper()]
    return done()


def on_show_parameters(engine, session, match, running):
    pattern = re.escape(match[1] or "%").replace("%", ".*").replace("_", ".")
    rows = [[name, str(value), "", "SESSION", "", "STRING"]
            for name, value in sorted(session.parameters.items())
            if re.fullmatch(pattern, name, re.IGNORECASE)]
    return text_result(["key", "value", "default", "level", "description", "type"], rows,
                       statement_type.SHOW)


def on_use(engine, session, match, running):
    setattr(session, match[1].lower(), match[2].upper())
    return done(statement_type.USE)


def on_wait(engine, session, match, running):
    running.wait(float(match[1]))
    return text_result(["SYSTEM$WAIT"], [[f"waited {match[1]} seconds"]], statement_type.SELECT)


def on_result_scan(engine, session, match, running):
    result = engine.answered.get(match[1])
    if result is None:
        raise SnowflakeError(709, "02000", f"Statement {match[1]} not found")
    return Result(result.table, result.rowtype, statement_type.SELECT)


def on_remove(engine, session, match, running):
    """REMOVE @stage[/prefix]: the files whose names begin so."""
    name, _, prefix = match[1].partition("/")
    parts, found = find_stage(session, name)
    if found is None:
        raise SnowflakeError(2003, "02000", f"Stage '{name}' does not exist or not authorized.")
    root = PurePath(stage.internal_dir(found[0]))
    return copying.remove_files(root, prefix, text_result)


def find_stage(session, name):
    """(database, schema, stage) and the row of the stage's place, or None."""
    connection = session.connection
    parts = stage.parts_from_var(name, connection.database, connection.schema)
    lookup = stage.stage_lookup_sql(*parts, connection.table_stages)
    return parts, session.duck.execute(lookup).fetchone()


def on_list(engine, session, match, running):
    """LIST @stage[/prefix]"""
    name, _, prefix = match[1].partition("/")
    parts, found = find_stage(session, name)
    if found is None:
        raise SnowflakeError(2003, "02000", f"Stage '{name}' does not exist or not authorized.")
    listed = session.duck.execute(stage.list_stage_files_sql(found[0])).fetchall()
    shown = "" if stage.is_table_stage(parts[2]) else f"{parts[2].lower()}/"
    rows = [list(row) for row in listed if row[0].startswith(shown + prefix)]
    return text_result(["name", "size", "md5", "last_modified"], rows, statement_type.SHOW)


def on_drop_stage(engine, session, match, running):
    session.commit()
    parts, found = find_stage(session, match[2])
    if found is None and not match[1]:
        raise SnowflakeError(2003, "02000", f"Stage '{match[2]}' does not exist or not authorized.")
    if found is not None:
        copying.remove_files(PurePath(stage.internal_dir(found[0])), "", text_result)
        session.duck.execute("DELETE FROM _fs_global._fs_information_schema._fs_stages WHERE "
                             "database_name = ? AND schema_name = ? AND name = ?", list(parts))
    return done(statement_type.DDL, f"{parts[2]} successfully dropped.")


SIMPLE = [(BEGIN, on_begin), (COMMIT, on_commit), (ROLLBACK, on_rollback), (SET_SESSION, on_set),
          (UNSET_SESSION, on_unset), (SHOW_PARAMETERS, on_show_parameters), (USE_NAME, on_use),
          (WAIT, on_wait), (REMOVE, on_remove), (LIST, on_list), (RESULT_SCAN, on_result_scan),
          (DROP_STAGE, on_drop_stage)]

