"""merge_by_dlt.py URI PARQUET: the same merge by dlt, which stages Arrow as CSV and loads with COPY."""
import sys

import dlt
import duckdb


def main(uri, parquet):
    reader = duckdb.connect().execute("select * from read_parquet(?)", [parquet]).to_arrow_reader()

    @dlt.resource(name="orders", write_disposition="merge", primary_key="order_id")
    def orders():
        yield from reader

    pipeline = dlt.pipeline("bench", destination=dlt.destinations.postgres(uri), dataset_name="public")
    pipeline.drop()
    pipeline.run(orders(), loader_file_format="csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
