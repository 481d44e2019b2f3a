"""extract_by_duckdb.py EXTENSION URI TABLE OUTPUT: the table into one Parquet file, by DuckDB alone."""
import sys

import duckdb


def main(extension, uri, table, output):
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.execute("attach '" + uri.replace("'", "''") + "' as pg (type postgres, read_only)")
    connection.execute(f"copy (select * from pg.public.{table}) to '{output}' (format parquet)")


if __name__ == "__main__":
    main(*sys.argv[1:])
