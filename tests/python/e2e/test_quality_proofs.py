"""What statistics prove is what reading finds: every check twice, once with a condition that selects all rows
and so forbids any proof. Both must say the same, in every format, of one file and of several."""
import json

import pytest

FORMATS = ["iceberg", "delta", "parquet"]

MODEL = """
select i, (i - 50)::tinyint as t8, (i * 300)::smallint as t16, i::integer as t32, (i * 9007199254740993)::bigint as t64,
       i::hugeint * 1000000000000000000 as huge, (i % 3 = 0) as flag, ((i - 50) / 7.0)::double as d, (i / 3.0)::float as f,
       case when i % 10 = 0 then 'nan'::double else i end as with_nan, case when i % 2 = 0 then null else i end as half,
       null::integer as nothing, (i - 50)::decimal(9, 2) / 8 as m, (i * 123456789.0123)::decimal(38, 4) as wide,
       date '1969-12-01' + i as day, timestamp '1969-12-31 23:59:59.999' + interval (i * 1777) millisecond as ts,
       timestamptz '2024-01-01 00:00:00.123456+00' + interval (i) second as tz, 'text ' || i as s,
       case when i = 7 then '' when i = 8 then 'zzé' else repeat('ab', i) end as long_text
from (select unnest(range(0, 100))::integer as i)
"""

BOUNDED = {"t8": (-50, 49), "t16": (0, 29700), "t32": (0, 99), "half": (1, 99), "d": (-8, 8), "f": (0, 34), "with_nan": (0, 99),
           "m": (-6.25, 6.13), "day": ("1969-12-01", "1970-03-10"), "ts": ("1969-12-31 23:59:59.999", "1970-01-01 00:02:56"),
           "tz": ("2024-01-01 00:00:00.123456", "2024-01-01 00:01:39.123456")}


def pairs():
    """Checks of every column; each is followed by its twin that must be read."""
    plain = ["i", "t8", "t16", "t32", "t64", "huge", "flag", "d", "f", "with_nan", "half", "nothing", "m", "wide", "day",
             "ts", "tz", "s", "long_text"]
    checks = [{"type": "min_row_count", "value": 100}, {"type": "expect_table_row_count_to_equal", "value": 99}]
    for column in plain:
        for kind in ("values_to_not_be_null", "values_to_be_null", "min_to_be_between", "max_to_be_between",
                     "proportion_of_non_null_values_to_be_between"):
            checks.append({"type": f"expect_column_{kind}", "column": column})
    for column, (low, high) in BOUNDED.items():
        for strict in ({}, {"strict_min": True}, {"strict_max": True}):
            checks.append({"type": "expect_column_values_to_be_between", "column": column, "min_value": low,
                           "max_value": high, **strict})
    for check in checks:
        check = {**check, "action": "log", "result_format": "COMPLETE"}
        yield check
        yield {**check, "row_condition": "1 = 1"}


def facts(check):
    result = check["result"]
    return check["status"], {key: result.get(key) for key in
                             ("observed_value", "element_count", "unexpected_count", "missing_count")}


@pytest.mark.parametrize("table_format", FORMATS)
@pytest.mark.parametrize("published", [False, True], ids=["staged", "published"])
@pytest.mark.parametrize("partition_by", [[], ["flag"]], ids=["one", "several"])
def test_statistics_and_reading_say_the_same(project, table_format, published, partition_by):
    project.storage(format=table_format, warehouse="lake")
    project.model("silver.t", MODEL, partition_by=partition_by)
    project.write("config/dq.yaml", {"silver": {"t": {"checks": list(pairs())}}})
    project.ok("run")
    if published:
        project.ok("check")
    paths = sorted((project.root / ".assay/results").glob("*/silver.t.json"), key=lambda p: p.stat().st_mtime_ns)
    checks = json.loads(paths[-1].read_text())["results"]
    assert [check for check in checks if check["status"] == "error"] == []
    proved = 0
    for check, twin in zip(checks[::2], checks[1::2]):
        assert facts(check) == facts(twin), (check["name"], check["reason"], twin["reason"])
        assert twin["proof"] != "metadata"
        proved += check["proof"] == "metadata"
    assert proved >= 40, proved
