"""assay_publish of the library with Arrow streams of every kind: they land whole and once, or are refused
before anything is there."""
import decimal

import pyarrow as pa
import pytest

import library


@pytest.fixture
def site(sites, monkeypatch):
    made = sites("postgres")
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def lib(project, site, assay):
    project.write("config/connections.yaml", {"there": site.connection()})
    with library.Library(project.root, assay.binary) as made:
        yield made


def refused(lib, number, *words, **call):
    with pytest.raises(library.Refused) as caught:
        lib.publish(**call)
    assert caught.value.number == number, (caught.value.number, caught.value)
    for word in words:
        assert word in str(caught.value), caught.value


# ---- once ----

def test_equal_rows_are_a_retry_and_other_rows_are_added(lib, site):
    # A column with the name that statements give to whole rows does not stand for them.
    batches = [pa.table({"row": [1], "row_": [1], "v": pa.array([v], pa.string())}) for v in ("a", "b", None, "NULL", "'b'")]
    for batch in batches:
        assert not lib.publish(batch)["already"]
        assert lib.publish(batch)["already"]
    assert sorted(str(row["v"]) for row in site.read("t")) == sorted(["a", "b", "None", "NULL", "'b'"])


def test_the_name_of_a_batch_decides_where_one_is_given(lib, site):
    assert not lib.publish(pa.table({"a": [1]}), id="x")["already"]
    assert lib.publish(pa.table({"a": [2]}), id="x")["already"]
    assert not lib.publish(pa.table({"a": [1]}), id="y")["already"]
    assert site.read("t") == [{"a": "1"}, {"a": "1"}]


# ---- kinds of arrays ----

KINDS = {
    "dictionary": (pa.array(["x", "y", None, "x"]).dictionary_encode(), ["x", "y", None, "x"]),
    "numbers in a dictionary": (pa.array([5, None, 5]).dictionary_encode(), ["5", None, "5"]),
    "run-end": (pa.RunEndEncodedArray.from_arrays([2, 3], ["x", None]), ["x", "x", None]),
    "text view": (pa.array(["x" * 50, "y", None], pa.string_view()), ["x" * 50, "y", None]),
    "bytes view": (pa.array([b"x" * 50, b"y", None], pa.binary_view()), ["78" * 50, "79", None]),
    "large text": (pa.array(["x", None], pa.large_string()), ["x", None]),
    "fixed bytes": (pa.array([b"abc", None], pa.binary(3)), ["616263", None]),
    "slice": (pa.array([str(i) for i in range(100)] + [None])[98:], ["98", "99", None]),
    "small decimal": (pa.array([decimal.Decimal("-1.50")], pa.decimal32(5, 2)), ["-1.5"]),
    "nothing but NULL": (pa.array([None, None], pa.null()), [None, None]),
    "largest uint64": (pa.array([2 ** 64 - 1], pa.uint64()), [str(2 ** 64 - 1)]),
    "seconds": (pa.array([-62135596800], pa.timestamp("s")), ["0001-01-01T00:00:00"]),
    "instants of nanoseconds": (pa.array([1700000000123456000], pa.timestamp("ns", tz="Europe/Berlin")),
                                ["2023-11-14T22:13:20.123456+00:00"]),
    "no rows": (pa.array([], pa.int32()), []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_array_lands(lib, site, kind):
    array, expected = KINDS[kind]
    result = lib.publish(pa.table({"a": array}))
    assert (result["rows"], result["inserted"]) == (len(expected), len(expected))
    assert sorted(map(str, (row["a"] for row in site.read("t")))) == sorted(map(str, expected))


def test_nested_values_land_as_json(lib, site):
    lib.publish(pa.table({"a": [{"x": [1, None], "m": None}],
                          "m": pa.array([[("k", 1.5)]], pa.map_(pa.string(), pa.float64())),
                          "l": pa.array([[1, 2]], pa.list_(pa.int32(), 2))}))
    assert site.database.rows("select a->'x'->>0 a, a->>'m' b, m->>'k' c, l->>1 d from t") == [("1", None, "1.5", "2")]


def test_a_stream_without_batches_is_an_empty_table(lib, site):
    lib.publish(pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int32())]), []), mode="overwrite")
    assert site.read("t") == []


# ---- what is refused ----

REFUSED = {
    "instants finer than microseconds": (
        pa.table({"a": pa.array([None, 1001], pa.timestamp("ns", tz="UTC"))}), 3019, "'a'", "finer"),
    "durations finer than microseconds": (pa.table({"a": pa.array([1], pa.duration("ns"))}), 3019, "finer"),
    "intervals finer than microseconds": (
        pa.table({"a": pa.array([pa.MonthDayNano([1, 2, 3])], pa.month_day_nano_interval())}), 3019, "finer"),
    "nested instants": (
        pa.table({"a": pa.array([[1]], pa.list_(pa.timestamp("ns", tz="UTC")))}), 3019, "'a'", "finer"),
    "timestamps of nanoseconds": (pa.table({"a": pa.array([1000], pa.timestamp("ns"))}), 7007, "TIMESTAMP_NS"),
    "infinite timestamps": (pa.table({"a": pa.array([2 ** 63 - 1], pa.timestamp("us"))}), 3009, "infinite"),
    "names that come twice": (
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "A"]), 3019, "'A' comes twice"),
    "no columns": (pa.table({}), 3019, "no columns"),
    "text that is none": (pa.table({"a": pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])}), 3009, "unicode"),
    "a zero byte": (pa.table({"a": ["a\0b"]}), 3114, "0x00"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_land_exactly_is_refused_and_nothing_is_there(lib, site, kind):
    rows, number, *words = REFUSED[kind]
    refused(lib, number, *words, rows=rows)
    assert not site.exists("t") or site.count("t") == 0
    assert site.staging() == []


def broken(*batches):
    """A stream of `a: int64` that gives these batches, whatever their type, and then fails."""
    def give():
        yield from batches
        raise ValueError("no more of it")
    return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), give())


def test_a_stream_that_fails_in_the_middle_leaves_nothing(lib, site):
    refused(lib, 3009, "no more of it", rows=broken(pa.record_batch({"a": [1]})))
    assert not site.exists("t")


@pytest.mark.parametrize("batch", [{"a": ["text"]}, {"a": [1], "b": [2]}, {"a": [{"x": 1}]}])
def test_batches_of_another_type_than_the_schema_says_are_refused(lib, site, batch):
    refused(lib, 3019, "another type", rows=broken(pa.record_batch({"a": [1]}), pa.record_batch(batch)))
    assert not site.exists("t")


def test_keys_of_pii_columns_are_not_shown_to_programs_either(project, site, assay):
    project.write("config/connections.yaml", {"there": site.connection()})
    project.model("silver.t", "select 1 as id, 'secret@x' as email from range(2)", columns={"email": {"pii": True}})
    project.model("gold.t", "select id, email from silver.t")
    project.ok("run")
    with library.Library(project.root, assay.binary) as lib:
        for name in ("silver.t", "gold.t"):
            refused(lib, 7021, "(email=***)", source=name, mode="merge", key=["email"])
