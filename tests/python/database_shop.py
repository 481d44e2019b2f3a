"""A PostgreSQL database and a project that extracts from it, for tests of databases as sources."""
import json
from pathlib import Path

import pytest


@pytest.fixture
def shop(postgres, project):
    """A database, and a project that knows it as the connection `shop`."""
    database = postgres.database()
    project.write("config/connections.yaml", {"shop": database.connection()})
    database.project = project
    database.env = postgres.env
    return database


def run(shop, *args, code=0):
    result = shop.project.run("run", *args, env=shop.env)
    assert result.code == code, result
    return result


def extract(shop, name="bronze.t", table="t", **more):
    shop.project.extract(name, source={"connection": "shop", "table": table}, **more)


def watermarked(shop, column="at", lookback=None, **more):
    mark = {"column": column}
    if lookback is not None:
        mark["lookback"] = lookback
    extract(shop, mode="append", watermark=mark, **more)


def rows(shop, sql="select * exclude (_source, _loaded_at, _run_id) from bronze.t order by all"):
    return [tuple(row) for row in shop.project.query(sql, "--limit", "1000000")["rows"]]


def snapshots(shop, table="bronze.t"):
    folder = Path(shop.project.table(table))
    return len(snapshots_of(folder))


def snapshots_of(folder):
    if not folder.exists():
        return []
    metadata = sorted(folder.glob("metadata/*.metadata.json"),
                      key=lambda path: int(path.name.split(".")[0].lstrip("v").split("-")[0]))
    return json.loads(metadata[-1].read_text()).get("snapshots", []) if metadata else []


def state(shop, table="bronze.t"):
    """The state file that the current snapshot refers to."""
    folder = Path(shop.project.table(table))
    snapshot = snapshots_of(folder)[-1]
    path = next(value for key, value in snapshot["summary"].items() if key.startswith("assay.state"))
    return json.loads((folder / path).read_text())


def connect_to(shop, **more):
    shop.project.write("config/connections.yaml", {"shop": {**shop.connection(), **more}})
