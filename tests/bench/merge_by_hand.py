"""merge_by_hand.py URI PARQUET: the merge as one writes it by hand, in one transaction.

Binary COPY into a temporary table (by the ADBC driver, which streams Arrow) and INSERT .. ON CONFLICT.
"""
import os
import sys

import duckdb
from adbc_driver_manager import dbapi

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

import peers  # noqa: E402

MERGE = """insert into orders (order_id, customer, amount, note, ordered_at, paid)
select order_id, customer, amount, note, ordered_at, paid from stage
on conflict (order_id) do update set customer = excluded.customer, amount = excluded.amount,
 note = excluded.note, ordered_at = excluded.ordered_at, paid = excluded.paid"""
STAGE = """create temporary table stage (order_id bigint, customer integer, amount numeric(12,2),
 note text, ordered_at timestamp, paid boolean) on commit drop"""


def main(uri, parquet):
    reader = duckdb.connect().execute("select * from read_parquet(?)", [parquet]).to_arrow_reader()
    with (dbapi.connect(driver=peers.adbc_driver("postgresql"), entrypoint="AdbcDriverInit",
                        db_kwargs={"uri": uri}, autocommit=False) as connection,
          connection.cursor() as cursor):
        cursor.execute(STAGE)
        cursor.adbc_ingest("stage", reader, mode="append", temporary=True)
        cursor.execute(MERGE)
        connection.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
