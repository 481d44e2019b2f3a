"""Every type as key, version and content of a merge and of a history: equal rows are no change,
changed ones are seen, NULL and NaN among them."""
import pytest

FORMATS = ["iceberg", "delta", "parquet"]

# Each gives a value of its type for i = 0, 1, 2 ..; 0 is NULL where the type is content.
VALUES = {
    "bool": "i % 2 = 0",
    "tiny": "(i % 100)::tinyint",
    "small": "(i * 100)::smallint",
    "whole": "i * 100000",
    "big": "i * 10000000000000",
    "utiny": "(i + 200)::utinyint",
    "uint": "(i + 3000000000)::uinteger",
    "ubig": "(i + 10000000000000000000)::ubigint",
    "huge": "(i::hugeint * 100000000000000000000)::hugeint",
    "real4": "(i / 3)::float",
    "real8": "case when i = 1 then 'nan'::double else i / 7 end",
    "inf": "case when i = 2 then 'inf'::double else -i::double end",
    "small_decimal": "(i / 8)::decimal(9, 3)",
    "big_decimal": "('1234567890123456789012345678' || i || '.5')::decimal(38, 3)",
    "text": "chr(228) || 'x' || i",
    "empty": "''",
    "bytes": "encode('b' || i)",
    "day": "date '1960-01-01' + i::int",
    "moment": "timestamp '1969-12-31 23:59:59.123456' + to_seconds(i)",
    "instant": "timestamptz '2026-01-01 00:00:00+00' + to_microseconds(i)",
    "clock": "time '12:00:00' + to_seconds(i)",
    "id16": "('00000000-0000-0000-0000-00000000000' || (i % 10))::uuid",
    "word": "(['red', 'green'])[1 + i % 2]::enum('red', 'green')",
    "list": "[i, null, i + 1]",
    "no_list": "[]::integer[]",
    "struct": "{'a': i, 'b': {'c': 's' || i, 'd': null::date}}",
    "structs": "[{'k': i, 'v': [1.5::double, null]}]",
    "map": "map {'k' || i: i, 'z': null}",
}
ORDERED = ["whole", "big", "small_decimal", "big_decimal", "day", "moment", "instant", "text"]
KEYS = [*ORDERED, "tiny", "utiny", "ubig", "huge", "id16", "word", "bytes", "clock", "bool", "struct"]


def start(project, table_format):
    project.storage(format=table_format)
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": {"i": "BIGINT", "n": "INTEGER"}})


def load(project, name, pairs):
    project.write(f"data/{name}.csv", "i,n\n" + "".join(f"{i},{n}\n" for i, n in pairs))
    return project.ok("run")


@pytest.mark.parametrize("table_format", FORMATS)
def test_content_of_every_type_is_compared(project, table_format):
    start(project, table_format)
    shown = ", ".join(f"case when i = 0 then null else {sql} end as {name}"
                      for name, sql in VALUES.items())
    select = f"select id, n, {shown} from (select i as id, n, (i + n) % 7 as i from bronze.t)"
    project.model("silver.m", select, mode="merge", key=["id"], new_rows_of=["bronze.t"])
    project.model("silver.h", select, mode="scd2", key=["id"], version="n", new_rows_of=["bronze.t"])
    load(project, "a", [(i, 0) for i in range(7)])
    before = project.query("select count(*) from silver.m")["rows"]
    result = load(project, "b", [(i, 7) for i in range(7)])
    # n differs, the rest is the same
    assert " ~7" in result.err, result
    history = project.query("select count(*), count(_confirmed_at) from silver.h")["rows"]
    assert history == [[7, 7]]
    assert project.query("select count(*) from silver.m")["rows"] == before
    result = load(project, "c", [(3, 7)])
    assert result.err.count("no changes") == 1 and "~" not in result.err, result
    load(project, "d", [(i, 8) for i in range(7)])
    assert project.query("select count(*), count(*) filter (is_current) from silver.h")["rows"] == [[14, 7]]
    differ = project.query("select (select count(*) from silver.m), (select count(*) from "
                           f"(({select.replace('from bronze.t', 'from bronze.t where n = 8')}) "
                           "except all (from silver.m)))")["rows"]
    assert differ == [[7, 0]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_every_type_can_be_the_key(project, table_format):
    start(project, table_format)
    for name in KEYS:
        project.model(f"silver.{name}_m", f"select {VALUES[name]} as k, n from (select * from bronze.t "
                      "where i in (1, 2))", mode="merge", key=["k"], new_rows_of=["bronze.t"])
    load(project, "a", [(1, 1), (2, 1)])
    load(project, "b", [(2, 2)])
    for name in KEYS:
        found = project.query(f"select n from silver.{name}_m order by n")["rows"]
        assert found == [[1], [2]], name


@pytest.mark.parametrize("table_format", FORMATS)
def test_every_ordered_type_can_be_the_version(project, table_format):
    start(project, table_format)
    for name in ORDERED:
        select = f"select 1 as id, {VALUES[name]} as v, i from bronze.t"
        project.model(f"silver.{name}_m", select, mode="merge", key=["id"], version="v",
                      new_rows_of=["bronze.t"])
        project.model(f"silver.{name}_h", select, mode="scd2", key=["id"], version="v",
                      new_rows_of=["bronze.t"])
    load(project, "a", [(3, 0), (5, 0)])
    load(project, "b", [(4, 0), (5, 0)])
    for name in ORDERED:
        assert project.query(f"select i from silver.{name}_m")["rows"] == [[5]], name
        assert project.query(f"select i, effective_end is null from silver.{name}_h order by v")["rows"] == [
            [3, False], [4, False], [5, True]], name
