"""Every type that assay stores, with its edge values, as SQL and as what readers must agree on.

A column is written as SQL of DuckDB; what it must be read as comes from the same SQL in DuckDB for
Python, with the cast that undoes what a reader cannot show (UUID as text, HUGEINT as a decimal)."""
import datetime
import decimal
import json
import math
import uuid
from dataclasses import dataclass, field

BATCHES = 3
ROWS = 24  # of the whole matrix: a third in each batch


@dataclass
class Column:
    name: str
    type: str            # of the model's column
    values: list         # SQL, without NULL, which every column has too
    shown: str = None    # the type that readers see, where it is another one
    readers: set = field(default_factory=lambda: {"spark"})  # those that cannot read it are left out
    scalar: bool = True  # predicates on it make sense


def text(value):
    return "'" + value.replace("'", "''") + "'"


TOP = "\U0010ffff"
FLOATS = ["'nan'", "'inf'", "'-inf'", "0.0", "-0.0", "1.5", "-1e-30"]
STRINGS = ["", " ", "a", "Z", "null", "NaN", "it's \"q\" \\ \n\t%", "ü€😀", "x" * 300, "ü" * 200,
           TOP, TOP * 100, "퟿", "", "a" * 255 + TOP * 3, "x" * 299 + "y"]
MOMENTS = ["0001-01-01 00:00:00", "1582-10-10 12:00:00", "1899-12-31 23:59:59.999999",
           "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "2024-02-29 12:34:56.000001",
           "9999-12-31 23:59:59.999999"]


def whole(bits, signed=True):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return [str(value) for value in sorted({low, low + 1, -1 if signed else 1, 0, 42, high - 1, high})]


def fixed(precision, scale):
    digits = "9" * precision
    most = digits[:precision - scale] + "." + digits[precision - scale:] if scale else digits
    least = "0." + "0" * (scale - 1) + "1" if scale else "1"
    return [text(value) for value in (most, "-" + most, least, "-" + least, "0")]


COLUMNS = [
    Column("flag", "BOOLEAN", ["true", "false"]),
    Column("tiny", "TINYINT", whole(8)),
    Column("small", "SMALLINT", whole(16)),
    Column("int", "INTEGER", whole(32)),
    Column("big", "BIGINT", whole(64)),
    Column("utiny", "UTINYINT", whole(8, False)),
    Column("usmall", "USMALLINT", whole(16, False)),
    Column("uint", "UINTEGER", whole(32, False)),
    Column("ubig", "UBIGINT", whole(64, False), "DECIMAL(20,0)"),
    Column("huge", "HUGEINT", [text("9" * 38), text("-" + "9" * 38), "0", "-1", text("1" + "0" * 37)],
           "DECIMAL(38,0)"),
    Column("real", "FLOAT", FLOATS + ["3.4028235e38", "-3.4028235e38", "1.1754944e-38"]),
    Column("wide", "DOUBLE", FLOATS + ["1.7976931348623157e308", "-1.7976931348623157e308",
                                       "5e-324", "9007199254740993"]),
    Column("d4", "DECIMAL(4,1)", fixed(4, 1)),
    Column("d9", "DECIMAL(9,2)", fixed(9, 2)),
    Column("d18", "DECIMAL(18,6)", fixed(18, 6)),
    Column("d19", "DECIMAL(19,0)", fixed(19, 0)),
    Column("d38", "DECIMAL(38,10)", fixed(38, 10)),
    Column("d38all", "DECIMAL(38,38)", fixed(38, 38)),
    Column("txt", "VARCHAR", [text(value) for value in STRINGS]),
    Column("kind", "ENUM('b', 'a', 'ü')", ["'b'", "'a'", "'ü'"], "VARCHAR"),
    Column("doc", "JSON", [text(value) for value in ('{"a": [1, null]}', '"s"', "[]", "null")],
           "VARCHAR"),
    Column("raw", "BLOB", ["''::BLOB", r"'\x00'::BLOB", r"'\xFF'::BLOB", r"'\x00\xFF\x7F'::BLOB",
                           r"repeat('\xFF', 300)::BLOB", r"'\x80abc'::BLOB"]),
    Column("key", "UUID", [text(value) for value in (
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "80000000-0000-0000-0000-000000000000", "7fffffff-ffff-ffff-ffff-ffffffffffff",
        "12345678-9abc-4def-8123-456789abcdef")], "VARCHAR"),
    Column("day", "DATE", [text(moment[:10]) for moment in MOMENTS]),
    Column("at", "TIMESTAMP", [text(moment) for moment in MOMENTS]),
    Column("instant", "TIMESTAMPTZ", [text(moment + "+00") for moment in MOMENTS]),
    Column("at_s", "TIMESTAMP_S", [text(moment[:19]) for moment in MOMENTS], "TIMESTAMP"),
    Column("at_ms", "TIMESTAMP_MS", [text(moment[:23]) for moment in MOMENTS], "TIMESTAMP"),
    Column("clock", "TIME", ["'00:00:00'", "'23:59:59.999999'", "'12:34:56.000001'"],
           readers=set()),  # Spark knows TIME in no table format
    Column("ints", "INTEGER[]", ["[]", "[NULL]", "[1, NULL, -2147483648]"], scalar=False),
    Column("words", "VARCHAR[]", ["['', NULL, 'ü€😀']", "[]", f"['{'x' * 300}']"], scalar=False),
    Column("three", "INTEGER[3]", ["[1, NULL, 3]", "[0, 0, 0]"], "INTEGER[]", scalar=False),
    Column("rec", "STRUCT(a INTEGER, b VARCHAR, c STRUCT(d DOUBLE, e DATE))",
           ["{a: 1, b: 'x', c: {d: 1.5, e: '1969-12-31'::DATE}}",
            "{a: NULL, b: NULL, c: {d: NULL, e: NULL}}", "{a: -1, b: '', c: NULL}"], scalar=False),
    Column("dict", "MAP(VARCHAR, INTEGER)",
           ["MAP {}", "MAP {'a': 1, '': NULL}", f"MAP {{'{'k' * 300}': 7}}"], scalar=False),
    Column("deep", "STRUCT(l STRUCT(m MAP(VARCHAR, DECIMAL(38,2)[]))[])",
           ["{l: [{m: MAP {'k': [1.25, NULL, -999999999999999999999999999999999999.99]}}]}",
            "{l: [NULL, {m: MAP {}}, {m: NULL}]}", "{l: []}", "{l: NULL}"], scalar=False),
    Column("deeper", "MAP(INTEGER, STRUCT(x INTEGER[], y TIMESTAMP))",
           ["MAP {1: {x: [1, NULL], y: '1969-12-31 23:59:59.999999'::TIMESTAMP}, 2: NULL}",
            "MAP {3: {x: [], y: NULL}}"], scalar=False),
]


def columns(for_spark):
    """The columns of a table; Spark reads no table that has one it cannot read."""
    return [column for column in COLUMNS if not for_spark or "spark" in column.readers]


def literal(column, number):
    """The value of a column in row `number`: its edge values in turn, and NULL."""
    turn = (number + COLUMNS.index(column)) % (len(column.values) + 1)
    return "NULL" if turn == len(column.values) else column.values[turn]


def source(table_columns):
    """SQL of all rows: batch, id (a few come again in a later batch), part, and the columns."""
    lines = []
    for number in range(ROWS):
        batch = number * BATCHES // ROWS
        cells = [f"({literal(column, number)})::{column.type}" for column in table_columns]
        lines.append(f"SELECT {batch + 1}::BIGINT AS batch, {number - 2 * batch}::INTEGER AS id, "
                     f"'p{(number - 2 * batch) // 4}' AS part, " +
                     ", ".join(f'{cell} AS "{column.name}"'
                               for cell, column in zip(cells, table_columns)))
    return "\nUNION ALL\n".join(lines)


def plain(value):
    """A value in the form that all readers have in common."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value.isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        digits = format(value, "f")  # normalize() would round to the context's precision
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # some formats hold a whole number as a decimal
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, list):
        return sorted((plain(inner) for inner in value), key=repr) \
            if value and all(isinstance(inner, tuple) for inner in value) else \
            [plain(inner) for inner in value]
    return value


def rows_of(table, names):
    """The rows of an Arrow table, by id, in plain values."""
    picked = table.select([*names])
    for name in ("key", "clock"):
        index = picked.schema.get_field_index(name)
        if index >= 0:
            picked = picked.set_column(index, name, as_text(picked.column(name)))
    rows = [{key: plain(value) for key, value in row.items()} for row in picked.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def as_text(column):
    """UUID and TIME: some readers have a type for them, others text."""
    import pyarrow as pa

    values = []
    for value in column.to_pylist():
        if isinstance(value, bytes):
            value = uuid.UUID(bytes=value)
        if isinstance(value, datetime.time):
            value = value.isoformat()
        values.append(None if value is None else str(value))
    return pa.array(values, pa.string())


class Model:
    """What the tables hold, by DuckDB alone."""

    def __init__(self, table_columns):
        import duckdb

        self.columns = table_columns
        self.names = ["id", "part", *(column.name for column in table_columns)]
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(f"CREATE TABLE rows AS {source(table_columns)}")

    def shown(self):
        return ", ".join(f'"{column.name}"::{column.shown or column.type} AS "{column.name}"'
                         for column in self.columns)

    def table(self, rows):
        return self.connection.execute(
            f"SELECT id, part, {self.shown()} FROM rows WHERE {rows}").to_arrow_table()

    def rows(self, mode, batches):
        """The rows after that many batches in a mode."""
        seen = f"batch <= {batches}"
        newest = "(batch, {0}) IN (SELECT max(batch), {0} FROM rows WHERE " + seen + " GROUP BY {0})"
        condition = {"full": seen, "append": seen, "merge": newest.format("id"),
                     "replace_partitions": newest.format("part")}[mode]
        return rows_of(self.table(condition), self.names)

    def edges(self, column):
        """The distinct values of a column over all batches as Python values, NULL among them."""
        type_name = column.shown or column.type
        found = self.connection.execute(
            f'SELECT DISTINCT "{column.name}"::{type_name} AS value FROM rows').to_arrow_table()
        return found.column("value").to_pylist()
