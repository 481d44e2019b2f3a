"""Random batches through merge, soft_delete and scd2, beside a model in Python; late and repeated
events among them. The seed stands in the test's name; ASSAY_ROUNDS and ASSAY_SEEDS (1,2,..) make more of them."""
import os
import random

import pytest

FORMATS = ["iceberg", "delta", "parquet"]
ROUNDS = int(os.environ.get("ASSAY_ROUNDS", "6"))
SEEDS = [int(seed) for seed in os.environ.get("ASSAY_SEEDS", "1,2").split(",")]


class Source:
    """Events of a few keys: at a version a key has a state, or is deleted. A version of a key says
    one thing, however often it is said."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.said = {}

    def event(self):
        key = (self.random.randint(1, 25), self.random.choice(["a", "b"]))
        version = self.random.randint(1, 60)
        if (key, version) not in self.said:
            self.said[key, version] = (self.random.choice("UUUUD"), self.random.randint(1, 3),
                                       self.random.choice([None, "x", "y,z"]),
                                       self.random.randint(1, 4))
        return key, version, self.said[key, version]

    def batch(self):
        return [self.event() for _ in range(self.random.randint(1, 60))]


def csv(batch):
    lines = ["id,part,v,op,price,note,zone"]
    for (number, part), version, (op, price, note, zone) in batch:
        text = "" if note is None else f'"{note}"'
        lines.append(f"{number},{part},{version},{op},{price},{text},{zone}")
    return "\n".join(lines) + "\n"


def winners(batch):
    best = {}
    for key, version, content in batch:
        if key not in best or version > best[key][0]:
            best[key] = (version, content)
    return best


class Merged:
    """The highest version wins; a deletion leaves nothing behind."""

    def __init__(self):
        self.rows = {}

    def take(self, batch):
        for key, (version, content) in winners(batch).items():
            if key in self.rows and version <= self.rows[key][0]:
                continue
            if content[0] == "D":
                self.rows.pop(key, None)
            else:
                self.rows[key] = (version, content)

    def expected(self):
        return sorted([*key, version, *content] for key, (version, content) in self.rows.items())


def softly_merged(events):
    return sorted([*key, version, *content, content[0] == "D",
                   version if content[0] == "D" else None]
                  for key, (version, content) in winners(events).items())


def history(events, tracked):
    """Intervals by key from all events; `tracked` gives the part of a state that makes history."""
    rows = []
    by_key = {}
    for key, version, content in events:
        by_key.setdefault(key, {})[version] = content
    for key, versions in by_key.items():
        newest = max((v for v, c in versions.items() if c[0] != "D"), default=None)
        intervals = []
        ended = True
        for version in sorted(versions):
            content = versions[version]
            if content[0] == "D":
                if intervals and not ended:
                    intervals[-1][1] = version
                ended = True
            elif ended or tracked(content) != tracked(intervals[-1][2]):
                if intervals and not ended:
                    intervals[-1][1] = version
                intervals.append([version, None, content])
                ended = False
        rows += [[*key, begin, end, end is None, *tracked(content),
                  *untracked(versions[newest], tracked)] for begin, end, content in intervals]
    return sorted(rows)


def whole(content):
    return content


def price_only(content):
    return (content[1],)


def untracked(content, tracked):
    return () if tracked is whole else (content[0], content[2], content[3])


MERGED = "select id, part, v, op, price, note, zone from silver.merged order by all"
SOFT = "select id, part, v, op, price, note, zone, _is_deleted, _deleted_at from silver.soft order by all"
HISTORY = ("select id, part, effective_start, effective_end, is_current, op, price, note, zone "
           "from silver.history where effective_end is null or effective_end > effective_start "
           "order by all")
PRICES = ("select id, part, effective_start, effective_end, is_current, price, op, note, zone "
          "from silver.prices where effective_end is null or effective_end > effective_start "
          "order by all")


def order(rows):
    return sorted(rows, key=lambda row: [(value is None, value) for value in row])


def start(project, table_format, partition_by):
    project.storage(format=table_format)
    project.extract("bronze.events", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": {"id": "INTEGER", "part": "VARCHAR", "v": "BIGINT",
                                          "op": "VARCHAR", "price": "INTEGER", "note": "VARCHAR",
                                          "zone": "INTEGER"}})
    select = "select id, part, v, op, price, note, zone from bronze.events"
    common = {"key": ["id", "part"], "version": "v", "delete_when": "op = 'D'",
              "new_rows_of": ["bronze.events"]}
    if partition_by:
        common["partition_by"] = partition_by
    project.model("silver.merged", select, mode="merge", **common)
    project.model("silver.soft", select, mode="merge", soft_delete=True, **common)
    project.model("silver.history", select, mode="scd2", **common)
    project.model("silver.prices", select, mode="scd2", columns={"price": {"track": True}}, **common)


def rows_of(project, sql):
    return order(project.query(sql)["rows"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("table_format", FORMATS)
def test_random_batches_end_like_the_model(project, table_format, seed):
    source = Source(seed)
    merged = Merged()
    events = []
    start(project, table_format, [None, ["zone"]][seed % 2])
    for number in range(ROUNDS):
        batch = source.batch()
        events += batch
        merged.take(batch)
        project.write(f"data/{number:04}.csv", csv(batch))
        project.ok("run")
        assert rows_of(project, MERGED) == order(merged.expected()), f"round {number}"
        assert rows_of(project, SOFT) == order(softly_merged(events)), f"round {number}"
        assert rows_of(project, HISTORY) == order(history(events, whole)), f"round {number}"
        assert rows_of(project, PRICES) == order(history(events, price_only)), f"round {number}"


ALL = "select * from {} order by all"


@pytest.mark.parametrize("table_format", FORMATS)
def test_what_came_late_and_in_parts_equals_a_rebuild(project, table_format):
    source = Source(7)
    start(project, table_format, ["zone"])
    for number in range(ROUNDS):
        project.write(f"data/{number:04}.csv", csv(source.batch()))
        project.ok("run")
    tables = ["silver.soft", "silver.history", "silver.prices"]
    before = {table: project.query(ALL.format(table)) for table in tables}
    project.ok("run", "--full-refresh", "--yes", *tables)
    for table in tables:
        again = project.query(ALL.format(table))
        assert again["columns"] == before[table]["columns"]
        assert order(map(str, again["rows"])) == order(map(str, before[table]["rows"])), table
