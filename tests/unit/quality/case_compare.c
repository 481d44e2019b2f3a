/* The rules of the README beside the cases: only the keys that are present are compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "text/json.h"
#include "unit/quality/cases.h"

struct tolerance {
    double relative, absolute;
};

static const struct tolerance exact = {1e-6, 1e-8};

static bool is_number(const assay_value *value, double *ret_real)
{
    const char *real = assay_value_find_text(value, "$float", NULL);

    if (real != NULL) {
        *ret_real = real[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (value->kind == ASSAY_VALUE_INT)
        *ret_real = (double)value->integer;
    else if (value->kind == ASSAY_VALUE_REAL)
        *ret_real = value->real;
    return value->kind == ASSAY_VALUE_INT || value->kind == ASSAY_VALUE_REAL;
}

static bool same(const assay_value *a, const assay_value *b, struct tolerance tolerance);

static bool same_members(const assay_value *a, const assay_value *b, struct tolerance tolerance)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const assay_value *other =
            a->kind == ASSAY_VALUE_MAP ? assay_value_find(b, a->keys[i]) : b->items[i];
        if (other == NULL || !same(a->items[i], other, tolerance))
            return false;
    }
    return true;
}

/* Numbers within tolerance, moments as moments, lists and records member by member. */
static bool same(const assay_value *a, const assay_value *b, struct tolerance tolerance)
{
    double x = 0;
    double y = 0;
    int64_t s = 0;
    int64_t t = 0;

    if (a->kind == ASSAY_VALUE_INT && b->kind == ASSAY_VALUE_INT)
        return a->integer == b->integer;
    if (is_number(a, &x) && is_number(b, &y))
        return x == y || fabs(x - y) <= tolerance.absolute ||
               fabs(x - y) <= tolerance.relative * fabs(x);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case ASSAY_VALUE_NULL:
        return true;
    case ASSAY_VALUE_BOOL:
        return a->boolean == b->boolean;
    case ASSAY_VALUE_TEXT:
        return strcmp(a->text, b->text) == 0 ||
               (assay_time_parse(a->text, &s) && assay_time_parse(b->text, &t) && s == t);
    case ASSAY_VALUE_LIST:
    case ASSAY_VALUE_MAP:
        return same_members(a, b, tolerance);
    case ASSAY_VALUE_INT:
    case ASSAY_VALUE_REAL:
        return false;
    }
    return false;
}

static bool same_multiset(const assay_value *a, const assay_value *b, assay_arena *arena)
{
    bool *used = NULL;

    if (a->kind != ASSAY_VALUE_LIST || b == NULL || b->kind != ASSAY_VALUE_LIST ||
        a->count != b->count)
        return false;
    used = assay_arena_take(arena, b->count + 1, sizeof(*used));
    for (size_t i = 0; i < a->count; i++) {
        size_t j = 0;
        while (j < b->count && (used[j] || !same(a->items[i], b->items[j], exact)))
            j++;
        if (j == b->count)
            return false;
        used[j] = true;
    }
    return true;
}

static bool same_positions(const assay_value *expected, const assay_quality_result *result)
{
    if (expected->count != result->sample_count)
        return false;
    for (size_t i = 0; i < expected->count; i++) {
        size_t j = 0;
        while (j < result->sample_count && result->samples[j].row != expected->items[i]->integer)
            j++;
        if (j == result->sample_count)
            return false;
    }
    return true;
}

/* Every expected {value, count} is among the product's. */
static bool has_counts(const assay_value *expected, const assay_value *found)
{
    for (size_t i = 0; i < expected->count; i++) {
        size_t j = 0;
        while (found != NULL && j < found->count &&
               !same(expected->items[i], found->items[j], exact))
            j++;
        if (found == NULL || j == found->count)
            return false;
    }
    return true;
}

/* {"mismatched": {}}: nothing mismatched, may be absent. */
static bool same_details(const assay_value *expected, const assay_value *found)
{
    for (size_t i = 0; i < expected->count; i++) {
        const assay_value *part = assay_value_find(found, expected->keys[i]);
        if ((part == NULL || part->count == 0) && expected->items[i]->count == 0)
            continue;
        if (part == NULL || !same(expected->items[i], part, exact))
            return false;
    }
    return true;
}

static bool same_partition(const assay_value *expected, const assay_value *found)
{
    const struct tolerance loose = {1e-5, 1e-8};

    for (size_t i = 0; i < expected->count; i++) {
        const assay_value *part = assay_value_find(found, expected->keys[i]);
        if (part == NULL || !same(expected->items[i], part, loose))
            return false;
    }
    return true;
}

static bool observed_matches(const assay_value *test, const assay_value *expected,
                             const assay_value *found, assay_arena *arena)
{
    struct tolerance tolerance = exact;
    const assay_value *own = assay_value_find(test, "tolerance");
    double relative = 0;

    if (own != NULL && is_number(own, &relative))
        tolerance.relative = relative;
    if (expected->kind == ASSAY_VALUE_NULL)
        return found == NULL || found->kind == ASSAY_VALUE_NULL;
    if (found == NULL)
        return false;
    if (expected->kind == ASSAY_VALUE_LIST)
        return same_multiset(expected, found, arena);
    return same(expected, found, tolerance);
}

static bool key_matches(const assay_value *test, const char *key, const assay_value *expected,
                        const assay_quality_result *result, const assay_value *json,
                        assay_arena *arena)
{
    const assay_value *found = assay_value_find(json, key);
    bool aggregate = strcmp(assay_value_find_text(test, "kind", ""), "column_aggregate") == 0;

    if (strcmp(key, "success") == 0)
        return expected->boolean == (result->status == ASSAY_CHECK_STATUS_PASS);
    if (strcmp(key, "observed_value") == 0)
        return observed_matches(test, expected, found, arena);
    if (strcmp(key, "unexpected_list") == 0 || strcmp(key, "partial_unexpected_list") == 0)
        return same_multiset(expected, found, arena);
    if (strcmp(key, "unexpected_row_indices") == 0)
        return same_positions(expected, result);
    if (strcmp(key, "value_counts") == 0)
        return has_counts(expected, assay_value_find(assay_value_find(json, "details"), key));
    if (strcmp(key, "observed_partition") == 0 || strcmp(key, "expected_partition") == 0)
        return same_partition(expected, assay_value_find(assay_value_find(json, "details"), key));
    if (strcmp(key, "details") == 0)
        return same_details(expected, found);
    if (found == NULL)
        return aggregate;
    return same(expected, found, exact);
}

static const char *describe(const char *key, const assay_value *expected, const assay_value *found,
                            const assay_quality_result *result, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&text, "%s: expected ", key);
    assay_quality_value_text(&text, expected, 200);
    assay_buf_append_text(&text, ", found ");
    assay_quality_value_text(&text, found, 200);
    assay_buf_append_format(&text, " (%s: %s)", assay_check_status_name(result->status),
                            result->reason == NULL ? "-" : result->reason);
    return assay_arena_text(arena, assay_buf_text(&text));
}

const char *case_compare(const assay_value *test, const assay_quality_result *result,
                         assay_arena *arena)
{
    const assay_value *expected = assay_value_find(test, "expected");
    bool error = assay_value_find_bool(test, "expects_error", false);
    bool weak = strcmp(assay_value_find_text(test, "status", ""), "verified_weak") == 0;
    assay_value *json = NULL;

    if (error && result->status == ASSAY_CHECK_STATUS_ERROR)
        return NULL;
    if (error && weak && result->status == ASSAY_CHECK_STATUS_FAIL)
        return NULL;
    if (error)
        return describe("status", NULL, NULL, result, arena);
    if (result->status == ASSAY_CHECK_STATUS_ERROR)
        return describe("status", expected, NULL, result, arena);
    if (assay_quality_result_json(result, arena, &json, NULL) != ASSAY_OK)
        return "out of memory";
    for (size_t i = 0; i < expected->count; i++)
        if (!key_matches(test, expected->keys[i], expected->items[i], result, json, arena))
            return describe(expected->keys[i], expected->items[i],
                            assay_value_find(json, expected->keys[i]), result, arena);
    return NULL;
}
