#include "engine/arrow_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS_MAX = 3 };

/* A batch of columns made by hand. */
struct batch {
    struct ArrowSchema schema, columns[COLUMNS_MAX];
    struct ArrowArray array, arrays[COLUMNS_MAX];
    struct ArrowSchema *schema_list[COLUMNS_MAX];
    struct ArrowArray *array_list[COLUMNS_MAX];
    const void *buffers[COLUMNS_MAX][3];
};

static void make(struct batch *batch)
{
    *batch = (struct batch){.schema = {.format = "+s", .children = batch->schema_list},
                            .array = {.n_buffers = 1, .children = batch->array_list}};
}

static void add(struct batch *batch, const char *name, const char *format, const void *values,
                int64_t length, int64_t buffers)
{
    int64_t i = batch->schema.n_children++;

    batch->array.n_children = batch->schema.n_children;
    batch->columns[i] = (struct ArrowSchema){.name = name, .format = format};
    batch->buffers[i][1] = values;
    batch->arrays[i] =
        (struct ArrowArray){.length = length, .n_buffers = buffers, .buffers = batch->buffers[i]};
    batch->schema_list[i] = &batch->columns[i];
    batch->array_list[i] = &batch->arrays[i];
}

static void expect(const struct batch *batch, const char *part)
{
    assay_error err = {0};
    assay_status status = assay_arrow_check_array(&batch->schema, &batch->array, "s", &err);

    if (part == NULL) {
        assert_int_equal(status, ASSAY_OK);
        return;
    }
    assert_int_equal(status, ASSAY_EDATA);
    assert_int_equal(err.number, 3019);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, err.message);
}

static void names_that_differ_by_case_only_and_no_columns_are_refused(void **state)
{
    struct batch batch;
    assay_error err = {0};

    (void)state;
    make(&batch);
    assert_int_equal(assay_arrow_check_schema(&batch.schema, "s", &err), ASSAY_EDATA);
    assert_non_null(strstr(err.message, "no columns"));
    add(&batch, "a", "i", NULL, 0, 2);
    add(&batch, "b", "i", NULL, 0, 2);
    assert_int_equal(assay_arrow_check_schema(&batch.schema, "s", &err), ASSAY_OK);
    add(&batch, "A", "i", NULL, 0, 2);
    assert_int_equal(assay_arrow_check_schema(&batch.schema, "s", &err), ASSAY_EDATA);
    assert_non_null(strstr(err.message, "'A' comes twice"));
}

static void a_layout_of_another_type_is_refused(void **state)
{
    static const struct {
        const char *format;
        int64_t buffers;
        const char *part;
    } cases[] = {{"l", 2, NULL},  {"l", 3, "'a'"},  {"u", 3, NULL},  {"u", 2, "'a'"},
                 {"vu", 5, NULL}, {"vu", 2, "'a'"}, {"+s", 1, NULL}, {"+s", 2, "'a'"},
                 {"n", 0, NULL},  {"+r", 0, NULL},  {"+r", 2, "'a'"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch batch;
        make(&batch);
        add(&batch, "a", cases[i].format, NULL, 0, cases[i].buffers);
        expect(&batch, cases[i].part);
    }
}

static void children_and_dictionaries_are_those_of_the_schema(void **state)
{
    struct ArrowSchema dictionary = {.format = "u"};
    struct batch batch;

    (void)state;
    make(&batch);
    add(&batch, "a", "i", NULL, 0, 2);
    batch.columns[0].dictionary = &dictionary;
    expect(&batch, "'a' has an array of another type");
    batch.columns[0].dictionary = NULL;
    batch.array.n_children = 0;
    expect(&batch, "another type");
}

static void values_finer_than_a_microsecond_are_refused_where_they_would_be_cut(void **state)
{
    static const int64_t values[] = {1000, 1001, -2000};
    static const int64_t intervals[] = {1, 1000, 1, 1};
    static const uint8_t second_is_null[] = {5};
    struct batch batch;

    (void)state;
    make(&batch);
    add(&batch, "a", "tsn:UTC", values, 3, 2);
    expect(&batch, "'a' has values that are finer");
    batch.buffers[0][0] = second_is_null;
    expect(&batch, NULL);
    batch.buffers[0][0] = NULL;
    batch.arrays[0].offset = 2;
    batch.arrays[0].length = 1;
    expect(&batch, NULL);
    make(&batch);
    add(&batch, "a", "tsn:", values, 3, 2);
    expect(&batch, NULL);
    make(&batch);
    add(&batch, "i", "tin", intervals, 1, 2);
    expect(&batch, NULL);
    batch.arrays[0].length = 2;
    expect(&batch, "'i'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_differ_by_case_only_and_no_columns_are_refused),
        cmocka_unit_test(a_layout_of_another_type_is_refused),
        cmocka_unit_test(children_and_dictionaries_are_those_of_the_schema),
        cmocka_unit_test(values_finer_than_a_microsecond_are_refused_where_they_would_be_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
