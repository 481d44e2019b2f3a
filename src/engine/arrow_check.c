#include "engine/arrow_check.h"

#include <string.h>

#include "base/str.h"

/* ---- schema ---- */

static assay_status fail(const char *stream, const char *column, const char *what, assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 3019,
                           "the Arrow stream '%s' cannot be read: column '%s' %s", stream, column,
                           what);
}

static const char *name_of(const struct ArrowSchema *schema)
{
    return schema->name != NULL ? schema->name : "";
}

assay_status assay_arrow_check_schema(const struct ArrowSchema *schema, const char *stream,
                                      assay_error *err)
{
    if (!assay_str_equal(schema->format, "+s") || schema->n_children == 0)
        return assay_error_set(err, ASSAY_EDATA, 3019,
                               "the Arrow stream '%s' cannot be read: it has no columns", stream);
    for (int64_t i = 0; i < schema->n_children; i++)
        for (int64_t k = 0; k < i; k++)
            if (assay_str_equal_ci(name_of(schema->children[i]), name_of(schema->children[k])))
                return fail(stream, name_of(schema->children[i]), "comes twice (case is ignored)",
                            err);
    return ASSAY_OK;
}

/* ---- layout ---- */

/* Arrow Columnar Format, "Buffer Listing for Each Layout". What is not said here has two: validity
 * and values. */
struct layout {
    const char *format; /* how it begins */
    int64_t least, most;
};

static const struct layout layouts[] = {
    {"n", 0, 1},   {"u", 3, 3},   {"U", 3, 3},   {"z", 3, 3},   {"Z", 3, 3},
    {"vu", 3, -1}, {"vz", 3, -1}, {"+s", 1, 1},  {"+w:", 1, 1}, {"+r", 0, 1},
    {"+ud", 2, 3}, {"+us", 1, 2}, {"+vl", 3, 3}, {"+vL", 3, 3},
};

static bool has_layout(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    struct layout wanted = {"", 2, 2};

    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        if (assay_str_starts(schema->format, layouts[i].format))
            wanted = layouts[i];
    return array->n_buffers >= wanted.least &&
           (wanted.most < 0 || array->n_buffers <= wanted.most) &&
           array->n_children == schema->n_children &&
           (array->dictionary != NULL) == (schema->dictionary != NULL);
}

/* ---- fineness ---- */

/* 64-bit counts of nanoseconds, every `stride` of them one, that the engine makes microseconds. */
struct fine {
    const char *format; /* how it begins */
    size_t stride, at;
};

static const struct fine fines[] = {
    {"tsn:", 1, 0}, /* with a time zone */
    {"tDn", 1, 0},
    {"tin", 2, 1}, /* months and days, then nanoseconds */
};

static const struct fine *find_fine(const struct ArrowSchema *schema)
{
    for (size_t i = 0; i < sizeof fines / sizeof fines[0]; i++) {
        bool local = assay_str_equal(schema->format, "tsn:"); /* the engine has TIMESTAMP_NS */
        if (!local && assay_str_starts(schema->format, fines[i].format))
            return &fines[i];
    }
    return NULL;
}

static bool is_null(const struct ArrowArray *array, int64_t row)
{
    const uint8_t *bits = array->buffers[0];

    return bits != NULL && (bits[row / 8] >> (row % 8) & 1) == 0;
}

static bool is_too_fine(const struct fine *fine, const struct ArrowArray *array)
{
    enum { NS_PER_US = 1000 };
    const int64_t *values = array->buffers[1];

    for (int64_t i = array->offset; i < array->offset + array->length; i++)
        if (values[(size_t)i * fine->stride + fine->at] % NS_PER_US != 0 && !is_null(array, i))
            return true;
    return false;
}

/* ---- arrays ---- */

enum { DEPTH_MAX = 64 };

static assay_status check(const struct ArrowSchema *schema, const struct ArrowArray *array,
                          const char *stream, const char *column, int depth, assay_error *err)
{
    if (depth > DEPTH_MAX)
        return fail(stream, column, "is nested too deep", err);
    if (!has_layout(schema, array))
        return fail(stream, column, "has an array of another type than its schema says", err);
    if (schema->dictionary != NULL)
        return check(schema->dictionary, array->dictionary, stream, column, depth + 1, err);
    const struct fine *fine = find_fine(schema);
    if (fine != NULL && array->length > 0 && is_too_fine(fine, array))
        return fail(stream, column, "has values that are finer than a microsecond", err);
    for (int64_t i = 0; i < schema->n_children; i++)
        ASSAY_TRY(check(schema->children[i], array->children[i], stream,
                        depth == 0 ? name_of(schema->children[i]) : column, depth + 1, err));
    return ASSAY_OK;
}

assay_status assay_arrow_check_array(const struct ArrowSchema *schema,
                                     const struct ArrowArray *array, const char *stream,
                                     assay_error *err)
{
    return check(schema, array, stream, "", 0, err);
}
