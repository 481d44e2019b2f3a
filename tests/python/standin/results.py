"""Results as Snowflake sends them: Arrow in the answer and in chunks, or rows of text."""
import base64
import gzip
import io
import secrets

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.arrow import to_sf
from fakesnow.statement_type import DML_TYPE_IDS

SCALED_DIGITS = 18
CHUNK_ROWS = 100000


class Chunks:
    """What is left of a large result, fetched by its own URL."""

    def __init__(self, kept=200):
        self.bodies = {}
        self.kept = kept

    def put(self, body):
        key = secrets.token_hex(12)
        self.bodies[key] = body
        for old in list(self.bodies)[:-self.kept]:
            del self.bodies[old]
        return key

    def get(self, key):
        return self.bodies.get(key)


def with_nulls(struct, column):
    """fakesnow's struct of a timestamp has lost which values are NULL."""
    if column.null_count == 0:
        return struct
    fields = [struct.type.field(i) for i in range(struct.type.num_fields)]
    parts = [pa.array(pc.fill_null(struct.field(i), 0)) for i in range(len(fields))]
    return pa.StructArray.from_arrays(parts, fields=fields, mask=pc.is_null(column))


def unscaled(column):
    """The integers of a decimal column: Snowflake sends NUMBER(p <= 18, s) so, with s beside."""
    parts = []
    for array in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        whole = pa.decimal128(array.type.precision, 0)
        parts.append(pa.Array.from_buffers(whole, len(array), array.buffers(), array.null_count,
                                           array.offset).cast(pa.int64()))
    return pa.chunked_array(parts, pa.int64())


def as_snowflake(table, rowtype):
    """The columns in Snowflake's Arrow encoding, metadata and all."""
    table = table.combine_chunks()
    encoded = to_sf(table, rowtype)
    for index, info in enumerate(rowtype):
        field = encoded.schema.field(index)
        if pa.types.is_timestamp(table.schema.field(index).type):
            struct = with_nulls(encoded.column(index).combine_chunks(),
                                table.column(index).combine_chunks())
            encoded = encoded.set_column(index, field.with_nullable(True), struct)
            continue
        small = info["type"] == "fixed" and (info["precision"] or 38) <= SCALED_DIGITS
        if small and pa.types.is_decimal128(field.type):
            encoded = encoded.set_column(index, field.with_type(pa.int64()),
                                         unscaled(encoded.column(index)))
        elif pa.types.is_decimal(field.type) and field.type.bit_width != 128:
            wide = pa.decimal128(field.type.precision, field.type.scale)
            encoded = encoded.set_column(index, field.with_type(wide),
                                         pc.cast(encoded.column(index), wide))
    return encoded


def ipc(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def text_rows(table):
    columns = [column.to_pylist() for column in table.columns]
    return [[None if value is None else str(value) for value in row]
            for row in zip(*columns, strict=True)]


def encode(table, rowtype, type_id, chunks, base_url):
    """The part of `data` that holds the rows."""
    data = {"rowtype": rowtype, "total": table.num_rows, "returned": table.num_rows}
    if type_id in DML_TYPE_IDS:
        return {**data, "queryResultFormat": "json", "rowset": text_rows(table)}
    data["queryResultFormat"] = "arrow"
    if table.num_rows == 0:
        return {**data, "rowsetBase64": ""}
    encoded = as_snowflake(table, rowtype)
    first = base64.b64encode(ipc(encoded.slice(0, CHUNK_ROWS))).decode()
    data["rowsetBase64"] = first
    more = []
    for start in range(CHUNK_ROWS, encoded.num_rows, CHUNK_ROWS):
        part = encoded.slice(start, CHUNK_ROWS)
        body = ipc(part)
        packed = gzip.compress(body, 1)
        more.append({"url": f"{base_url}/chunk/{chunks.put(packed)}", "rowCount": part.num_rows,
                     "uncompressedSize": len(body), "compressedSize": len(packed)})
    if more:
        data.update(chunks=more, chunkHeaders={}, qrmk="")
    return data
