/* Publishes a table of a project to an outside database, then a stream of its rows to a second
 * table there. Both are safe to repeat: what was published is not published again.
 *
 *   cc examples/publish.c -o publish $(pkg-config --cflags --libs assay)
 *   ./publish shop analytics gold.orders marts.orders marts.orders_log
 */
#include <assay/assay.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The Arrow C stream interface, as its specification has it. */
struct ArrowSchema;
struct ArrowArray;

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

static void print_result(const char *target, const assay_publish_result *result)
{
    if (result->already)
        printf("%s: published before (%s)\n", target, result->publish_id);
    else
        printf("%s: %" PRId64 " rows, +%" PRId64 " ~%" PRId64 " -%" PRId64 " (%s)\n", target,
               result->rows, result->inserted, result->updated, result->deleted,
               result->publish_id);
}

/* The newest snapshot of the table replaces what is there. */
static assay_status publish_table(assay_context *context, const char *connection, const char *table,
                                  const char *target_table, assay_error *err)
{
    const assay_publish_source source = {.table = table};
    const assay_publish_target target = {.connection = connection,
                                         .table = target_table,
                                         .mode = ASSAY_PUBLISH_OVERWRITE};
    assay_publish_result result;

    assay_status status = assay_publish(context, &source, &target, &result, err);
    if (status == ASSAY_OK)
        print_result(target_table, &result);
    return status;
}

/* The rows are added once: they name themselves, since `id` is not given. */
static assay_status publish_stream(assay_context *context, const char *connection,
                                   const char *table, const char *target_table, assay_error *err)
{
    struct ArrowArrayStream stream = {0};
    const assay_publish_source source = {.stream = &stream};
    const assay_publish_target target = {.connection = connection,
                                         .table = target_table,
                                         .mode = ASSAY_PUBLISH_APPEND};
    assay_publish_result result;

    assay_status status = assay_table_read(context, table, NULL, &stream, err);
    if (status == ASSAY_OK)
        status = assay_publish(context, &source, &target, &result, err);
    if (status == ASSAY_OK)
        print_result(target_table, &result);
    return status;
}

int main(int argc, char **argv)
{
    assay_context *context = NULL;
    assay_error err = {0};

    if (argc != 6) {
        (void)fprintf(stderr, "usage: publish PROJECT CONNECTION TABLE TARGET LOG_TARGET\n");
        return 2;
    }
    const assay_context_options options = {.project = argv[1]};
    assay_status status = assay_context_open(&options, &context, &err);
    if (status == ASSAY_OK)
        status = publish_table(context, argv[2], argv[3], argv[4], &err);
    if (status == ASSAY_OK)
        status = publish_stream(context, argv[2], argv[3], argv[5], &err);
    if (status != ASSAY_OK)
        (void)fprintf(stderr, "E%d %s\n", err.number, err.message);
    assay_context_close(context);
    return assay_error_exit_code(&err);
}
