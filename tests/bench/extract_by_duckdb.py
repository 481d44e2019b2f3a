"""extract_by_duckdb.py EXTENSION URI TABLE OUTPUT: the table into one Parquet file, by DuckDB alone.

The file is the one that assay writes: its compression, and the three columns that say where rows are
from and when they came."""
import sys

import duckdb

RUN = "01a22500-0000-7000-8000-000000000000"


def main(extension, uri, table, output):
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.execute("attach '" + uri.replace("'", "''") + "' as pg (type postgres, read_only)")
    origin = f"'shop.{table}' as _source, now() as _loaded_at, '{RUN}' as _run_id"
    connection.execute(f"copy (select *, {origin} from (select * from pg.public.{table})) "
                       f"to '{output}' (format parquet, compression zstd)")


if __name__ == "__main__":
    main(*sys.argv[1:])
