/* Small results out of Arrow batches (https://arrow.apache.org/docs/format/CDataInterface.html for
 * the format strings, Columnar.html for the buffers), with cells and type names as the engine gives
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/cells.h"
#include "adbc/session.h"
#include "base/vec.h"

struct reader {
    struct ArrowArrayStream *stream;
    struct ArrowSchema schema;
    assay_adbc_column *columns;
    size_t count;
    assay_arena *arena;
    assay_vec rows; /* of assay_value ** */
    size_t limit;
    bool truncated;
};

static void finish(struct reader *reader)
{
    if (reader->schema.release != NULL)
        reader->schema.release(&reader->schema);
    assay_vec_done(&reader->rows);
}

static void release_array(struct ArrowArray *array)
{
    if (array->release != NULL)
        array->release(array);
}

static assay_status fail_stream(const struct reader *reader, assay_error *err)
{
    const char *cause = reader->stream->get_last_error(reader->stream);

    return assay_error_set(err, ASSAY_EIO, 3112, "the result cannot be read: %s",
                           cause != NULL ? cause : "the driver says no more");
}

static assay_status read_schema(struct reader *reader, assay_error *err)
{
    if (reader->stream->get_schema(reader->stream, &reader->schema) != 0)
        return fail_stream(reader, err);
    reader->count = (size_t)reader->schema.n_children;
    reader->columns = assay_arena_take(reader->arena, reader->count + 1, sizeof *reader->columns);
    ASSAY_TRY(assay_arena_check(reader->columns, err));
    for (size_t i = 0; i < reader->count; i++)
        ASSAY_TRY(assay_adbc_column_read(reader->schema.children[i], reader->arena,
                                         &reader->columns[i], err));
    return ASSAY_OK;
}

static assay_status read_row(struct reader *reader, const struct ArrowArray *batch, int64_t row,
                             assay_error *err)
{
    assay_value **cells = assay_arena_take(reader->arena, reader->count + 1, sizeof(void *));

    ASSAY_TRY(assay_arena_check(cells, err));
    for (size_t i = 0; i < reader->count; i++)
        ASSAY_TRY(assay_adbc_cell_read(&reader->columns[i], batch->children[i], row + batch->offset,
                                       reader->arena, &cells[i], err));
    return assay_vec_push(&reader->rows, &cells, err);
}

static assay_status read_batch(struct reader *reader, const struct ArrowArray *batch,
                               assay_error *err)
{
    size_t most = reader->limit != 0 ? reader->limit : ASSAY_ROWS_MAX;

    for (int64_t row = 0; row < batch->length; row++) {
        if (reader->rows.count >= most) {
            reader->truncated = true;
            return ASSAY_OK;
        }
        ASSAY_TRY(read_row(reader, batch, row, err));
    }
    return ASSAY_OK;
}

static assay_status read_batches(struct reader *reader, assay_error *err)
{
    while (!reader->truncated) {
        ASSAY_AUTO(release_array) struct ArrowArray batch = {0};

        if (reader->stream->get_next(reader->stream, &batch) != 0)
            return fail_stream(reader, err);
        if (batch.release == NULL)
            return ASSAY_OK;
        ASSAY_TRY(read_batch(reader, &batch, err));
    }
    if (reader->limit == 0)
        return assay_error_set(err, ASSAY_EDATA, 3121, "the result has more than %d rows",
                               ASSAY_ROWS_MAX);
    return ASSAY_OK;
}

static assay_status take_rows(struct reader *reader, assay_rows **ret_rows, assay_error *err)
{
    assay_rows *rows = assay_arena_take(reader->arena, 1, sizeof *rows);

    ASSAY_TRY(assay_arena_check(rows, err));
    rows->column_count = reader->count;
    rows->names = assay_arena_take(reader->arena, reader->count + 1, sizeof *rows->names);
    rows->types = assay_arena_take(reader->arena, reader->count + 1, sizeof *rows->types);
    if (rows->names == NULL || rows->types == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < reader->count; i++) {
        rows->names[i] = reader->columns[i].name;
        rows->types[i] = reader->columns[i].type;
    }
    rows->truncated = reader->truncated;
    ASSAY_TRY(assay_vec_to_arena(&reader->rows, reader->arena, &rows->cells, &rows->count, err));
    *ret_rows = rows;
    return ASSAY_OK;
}

assay_status assay_adbc_rows_read(struct ArrowArrayStream *stream, size_t limit, assay_arena *arena,
                                  assay_rows **ret_rows, assay_error *err)
{
    ASSAY_AUTO(finish)
    struct reader reader = {.stream = stream,
                            .arena = arena,
                            .rows = ASSAY_VEC_OF(assay_value **),
                            .limit = limit};

    ASSAY_TRY(read_schema(&reader, err));
    ASSAY_TRY(read_batches(&reader, err));
    return take_rows(&reader, ret_rows, err);
}
