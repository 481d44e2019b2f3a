/* Results as people and machines read them (facts: quality.md section 4). */
#include "quality/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/json.h"

const char *assay_check_action_name(assay_check_action action)
{
    static const char *const names[] = {"log", "alert", "warn", "quarantine", "fail", "fail_fast"};

    return names[action];
}

const char *assay_check_severity_name(assay_check_severity severity)
{
    static const char *const names[] = {"info", "warning", "critical"};

    return names[severity];
}

const char *assay_check_status_name(assay_check_status status)
{
    static const char *const names[] = {"pass", "fail", "error", "skipped"};

    return names[status];
}

const char *assay_check_category_name(assay_check_category category)
{
    static const char *const names[] = {"none",      "not_null_keys", "referential_integrity",
                                        "freshness", "volume",        "none"};

    return names[category];
}

const char *assay_check_proof_name(assay_check_proof proof)
{
    static const char *const names[] = {"none", "schema", "metadata", "scan", "keys", "query"};

    return names[proof];
}

const char *assay_result_format_name(assay_result_format format)
{
    static const char *const names[] = {"BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE"};

    return names[format];
}

void assay_quality_value_text(assay_buf *buf, const assay_value *value, size_t limit)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    size_t size = 0;

    if (value == NULL || value->kind == ASSAY_VALUE_NULL)
        assay_buf_append_text(&text, "NULL");
    else if (value->kind == ASSAY_VALUE_TEXT)
        assay_buf_append_text(&text, value->text);
    else
        assay_json_write(&text, value, 0);
    buf->failed = buf->failed || text.failed;
    size = text.size;
    if (size > limit) {
        size = limit;
        while (size > 0 && ((unsigned char)text.data[size] & 0xC0U) == 0x80U)
            size--;
    }
    assay_buf_append(buf, assay_buf_text(&text), size);
    if (size < text.size)
        assay_buf_append_text(buf, "..");
}

/* ---- building maps ---- */

/* Writes into one map; failure sticks. */
struct builder {
    assay_arena *arena;
    assay_value *map;
    bool failed;
};

static struct builder begin(assay_arena *arena)
{
    struct builder builder = {arena, assay_value_map(arena), false};

    builder.failed = builder.map == NULL;
    return builder;
}

static void put(struct builder *builder, const char *key, assay_value *value)
{
    if (!builder->failed &&
        assay_value_set(builder->map, key, value, builder->arena, NULL) != ASSAY_OK)
        builder->failed = true;
}

static void put_text(struct builder *builder, const char *key, const char *text)
{
    put(builder, key,
        text == NULL ? assay_value_null(builder->arena) : assay_value_text(builder->arena, text));
}

static void put_int(struct builder *builder, const char *key, int64_t value)
{
    put(builder, key, assay_value_int(builder->arena, value));
}

static void put_bool(struct builder *builder, const char *key, bool value)
{
    put(builder, key, assay_value_bool(builder->arena, value));
}

static void put_copy(struct builder *builder, const char *key, const assay_value *value)
{
    put(builder, key,
        value == NULL ? assay_value_null(builder->arena) : assay_value_copy(builder->arena, value));
}

/* part / whole * 100, null where the whole is empty */
static void put_percent(struct builder *builder, const char *key, int64_t part, int64_t whole)
{
    put(builder, key,
        whole > 0 ? assay_value_real(builder->arena, 100.0 * (double)part / (double)whole)
                  : assay_value_null(builder->arena));
}

static void add(struct builder *builder, assay_value *list, const assay_value *item)
{
    assay_value *copy =
        item == NULL ? assay_value_null(builder->arena) : assay_value_copy(builder->arena, item);

    if (list == NULL || assay_value_append(list, copy, builder->arena, NULL) != ASSAY_OK)
        builder->failed = true;
}

/* ---- one check ---- */

/* A value and how often it stands among the samples. */
struct tally {
    const char *text;
    const assay_value *value;
    int64_t count;
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct tally *)a)->text, ((const struct tally *)b)->text);
}

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* [{value, count}], by count, then value, at most the partial length. */
static assay_value *value_counts(struct builder *builder, const assay_quality_result *result)
{
    assay_value *list = assay_value_list(builder->arena);
    struct tally *tallies =
        assay_arena_take(builder->arena, result->sample_count + 1, sizeof(*tallies));
    size_t count = 0;

    if (list == NULL || tallies == NULL)
        return NULL;
    for (size_t i = 0; i < result->sample_count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        assay_json_write(&text, result->samples[i].value, 0);
        if (text.failed)
            return NULL;
        tallies[i].text = assay_arena_text(builder->arena, assay_buf_text(&text));
        tallies[i].value = result->samples[i].value;
        tallies[i].count = 1;
        if (tallies[i].text == NULL)
            return NULL;
    }
    qsort(tallies, result->sample_count, sizeof(*tallies), compare_texts);
    for (size_t i = 0; i < result->sample_count; i++) {
        if (count > 0 && strcmp(tallies[count - 1].text, tallies[i].text) == 0)
            tallies[count - 1].count++;
        else
            tallies[count++] = tallies[i];
    }
    qsort(tallies, count, sizeof(*tallies), compare_tallies);
    for (size_t i = 0; i < count && i < result->partial_count; i++) {
        struct builder entry = begin(builder->arena);
        put_copy(&entry, "value", tallies[i].value);
        put_int(&entry, "count", tallies[i].count);
        if (entry.failed || assay_value_append(list, entry.map, builder->arena, NULL) != ASSAY_OK)
            return NULL;
    }
    return list;
}

static void put_samples(struct builder *builder, const char *key,
                        const assay_quality_result *result, size_t most, bool index)
{
    assay_value *list = assay_value_list(builder->arena);

    for (size_t i = 0; i < result->sample_count && i < most; i++)
        add(builder, list, index ? result->samples[i].index : result->samples[i].value);
    put(builder, key, list);
}

static void put_counts(struct builder *builder, const assay_quality_result *result)
{
    int64_t element = result->element_count;
    int64_t judged = result->judged_count;
    int64_t unexpected = result->unexpected_count;

    put_int(builder, "element_count", element);
    if (unexpected >= 0) {
        put_int(builder, "unexpected_count", unexpected);
        put_percent(builder, "unexpected_percent", unexpected,
                    result->judges_nulls ? element : judged);
    }
    if (result->judges_nulls)
        return;
    put_int(builder, "missing_count", element - judged);
    put_percent(builder, "missing_percent", element - judged, element);
    if (unexpected >= 0) {
        put_percent(builder, "unexpected_percent_nonmissing", unexpected, judged);
        put_percent(builder, "unexpected_percent_total", unexpected, element);
    }
}

static void put_lists(struct builder *builder, const assay_quality_result *result)
{
    bool indexed = result->sample_count > 0 && result->samples[0].index != NULL;

    put_samples(builder, "partial_unexpected_list", result, result->partial_count, false);
    if (result->format < ASSAY_RESULT_FORMAT_SUMMARY)
        return;
    if (result->value_counts != NULL)
        put_copy(builder, "partial_unexpected_counts", result->value_counts);
    else
        put(builder, "partial_unexpected_counts", value_counts(builder, result));
    if (indexed)
        put_samples(builder, "partial_unexpected_index_list", result, result->partial_count, true);
    if (result->format < ASSAY_RESULT_FORMAT_COMPLETE)
        return;
    put_samples(builder, "unexpected_list", result, ASSAY_QUALITY_LIST_MAX, false);
    if (indexed)
        put_samples(builder, "unexpected_index_list", result, ASSAY_QUALITY_LIST_MAX, true);
    put_text(builder, "unexpected_index_query", result->sql);
}

assay_status assay_quality_result_json(const assay_quality_result *result, assay_arena *arena,
                                       assay_value **ret_value, assay_error *err)
{
    struct builder builder = begin(arena);
    bool judged =
        result->status == ASSAY_CHECK_STATUS_PASS || result->status == ASSAY_CHECK_STATUS_FAIL;

    if (judged && result->format != ASSAY_RESULT_FORMAT_BOOLEAN_ONLY) {
        if (result->observed != NULL)
            put_copy(&builder, "observed_value", result->observed);
        if (result->element_count >= 0 && result->judged_count >= 0)
            put_counts(&builder, result);
        else if (result->unexpected_count >= 0)
            put_int(&builder, "unexpected_count", result->unexpected_count);
        if (result->unexpected_count >= 0)
            put_lists(&builder, result);
        if (result->truncated)
            put_bool(&builder, "truncated", true);
        if (result->details != NULL)
            put_copy(&builder, "details", result->details);
    }
    if (builder.failed)
        return assay_error_nomem(err);
    *ret_value = builder.map;
    return ASSAY_OK;
}

static assay_value *config_json(const assay_quality_result *result, assay_arena *arena)
{
    struct builder builder = begin(arena);

    put_text(&builder, "type", result->check->expectation);
    put_text(&builder, "expectation_type", result->check->expectation);
    put_copy(&builder, "kwargs", result->check->kwargs);
    put_text(&builder, "id", result->check->name);
    put_text(&builder, "severity", assay_check_severity_name(result->check->severity));
    return builder.failed ? NULL : builder.map;
}

static assay_value *exception_json(const assay_quality_result *result, assay_arena *arena)
{
    struct builder builder = begin(arena);

    put_bool(&builder, "raised_exception", result->exception != NULL);
    put_text(&builder, "exception_message", result->exception);
    put(&builder, "exception_traceback", assay_value_null(arena));
    if (result->exception != NULL)
        put_text(&builder, "code", assay_arena_format(arena, "E%d", result->exception_number));
    return builder.failed ? NULL : builder.map;
}

static assay_status check_json(const assay_quality_result *result, assay_arena *arena,
                               assay_value **ret_value, assay_error *err)
{
    struct builder builder = begin(arena);
    assay_value *details = NULL;

    ASSAY_TRY(assay_quality_result_json(result, arena, &details, err));
    put_bool(&builder, "success", result->status == ASSAY_CHECK_STATUS_PASS);
    put_text(&builder, "expectation_type", result->check->expectation);
    put(&builder, "expectation_config", config_json(result, arena));
    put(&builder, "result", details);
    put(&builder, "meta", assay_value_map(arena));
    put(&builder, "exception_info", exception_json(result, arena));
    put_text(&builder, "name", result->check->name);
    put_text(&builder, "status", assay_check_status_name(result->status));
    put_text(&builder, "action", assay_check_action_name(result->check->action));
    put_text(&builder, "severity", assay_check_severity_name(result->severity));
    put_text(&builder, "category", assay_check_category_name(result->category));
    put_text(&builder, "proof", assay_check_proof_name(result->proof));
    put_text(&builder, "reason", result->reason);
    if (result->quarantined > 0)
        put_int(&builder, "quarantined", result->quarantined);
    put_bool(&builder, "truncated", result->truncated);
    put_text(&builder, "sql", result->sql);
    put_text(&builder, "sql_id", result->sql_id);
    put_int(&builder, "line", result->check->line);
    put_int(&builder, "column", result->check->column);
    put(&builder, "duration_ms", assay_value_real(arena, (double)result->duration_us / 1000.0));
    if (builder.failed)
        return assay_error_nomem(err);
    *ret_value = builder.map;
    return ASSAY_OK;
}

/* ---- the suite ---- */

static assay_value *statistics_json(const assay_quality_report *report, assay_arena *arena)
{
    struct builder builder = begin(arena);
    size_t evaluated = report->passed + report->failed + report->errors;

    put_int(&builder, "evaluated_expectations", (int64_t)evaluated);
    put_int(&builder, "successful_expectations", (int64_t)report->passed);
    put_int(&builder, "unsuccessful_expectations", (int64_t)(evaluated - report->passed));
    put_percent(&builder, "success_percent", (int64_t)report->passed, (int64_t)evaluated);
    put_int(&builder, "errors", (int64_t)report->errors);
    put_int(&builder, "skipped", (int64_t)report->skipped);
    return builder.failed ? NULL : builder.map;
}

static assay_value *meta_json(const assay_quality_report *report,
                              const assay_quality_context *context, const char *when,
                              assay_arena *arena)
{
    struct builder builder = begin(arena);
    struct builder run = begin(arena);

    put_text(&run, "run_name", context->run_name != NULL ? context->run_name : context->run_id);
    put_text(&run, "run_time", when);
    put(&builder, "run_id", run.failed ? NULL : run.map);
    put_text(&builder, "validation_time", when);
    put_text(&builder, "expectation_suite_name", report->suite->name);
    put_text(&builder, "suite_hash", report->suite->hash);
    put_text(&builder, "table", report->table);
    put_text(&builder, "snapshot", context->snapshot);
    put_int(&builder, "sql_passes", report->sql_passes);
    put_int(&builder, "rows_scanned", report->rows_scanned);
    put(&builder, "duration_ms", assay_value_real(arena, (double)report->duration_us / 1000.0));
    return builder.failed ? NULL : builder.map;
}

static assay_value *gate_json(const assay_gate_verdict *verdict, assay_arena *arena)
{
    struct builder builder = begin(arena);
    assay_value *reasons = assay_value_list(arena);
    assay_value *warnings = assay_value_list(arena);

    put_bool(&builder, "open", verdict->open);
    put_text(&builder, "verdict", verdict->text);
    put(&builder, "pass_rate",
        verdict->pass_rate >= 0 ? assay_value_real(arena, verdict->pass_rate)
                                : assay_value_null(arena));
    for (size_t i = 0; i < verdict->reason_count && reasons != NULL; i++)
        if (assay_value_append(reasons, assay_value_text(arena, verdict->reasons[i]), arena,
                               NULL) != ASSAY_OK)
            builder.failed = true;
    for (size_t i = 0; i < verdict->warning_count && warnings != NULL; i++)
        if (assay_value_append(warnings, assay_value_text(arena, verdict->warnings[i]), arena,
                               NULL) != ASSAY_OK)
            builder.failed = true;
    put(&builder, "reasons", reasons);
    put(&builder, "warnings", warnings);
    return builder.failed ? NULL : builder.map;
}

/* The keys of the original: suite_name, layer, execution_date, timestamp, passed .. */
static void put_aliases(struct builder *builder, const assay_quality_report *report,
                        const char *when, bool success)
{
    const char *dot = strchr(report->table, '.');
    int64_t critical = 0;
    int64_t warnings = 0;

    for (size_t i = 0; i < report->count; i++) {
        const assay_quality_result *result = &report->results[i];
        if (result->status != ASSAY_CHECK_STATUS_FAIL && result->status != ASSAY_CHECK_STATUS_ERROR)
            continue;
        if (result->status == ASSAY_CHECK_STATUS_ERROR ||
            result->check->action >= ASSAY_CHECK_ACTION_FAIL)
            critical++;
        else
            warnings++;
    }
    put(builder, "layer",
        dot == NULL
            ? assay_value_null(builder->arena)
            : assay_value_text(builder->arena, assay_arena_text_n(builder->arena, report->table,
                                                                  (size_t)(dot - report->table))));
    put(builder, "execution_date",
        assay_value_text(builder->arena, assay_arena_text_n(builder->arena, when, 10)));
    put_text(builder, "timestamp", when);
    put_bool(builder, "passed", success || (critical == 0 && report->passed + report->failed > 0));
    put_int(builder, "critical_failures", critical);
    put_int(builder, "warning_failures", warnings);
}

assay_status assay_quality_report_json(const assay_quality_report *report,
                                       const assay_quality_context *context, assay_arena *arena,
                                       assay_value **ret_value, assay_error *err)
{
    struct builder builder = begin(arena);
    assay_value *results = assay_value_list(arena);
    char when[ASSAY_TIME_TEXT_SIZE];
    bool success = report->failed == 0 && report->errors == 0 && report->passed > 0;

    ASSAY_TRY(assay_arena_check(results, err));
    assay_time_format(report->started_us, when);
    put_int(&builder, "schema_version", 1);
    put_bool(&builder, "success", success);
    put_text(&builder, "suite_name", report->suite->name);
    put_text(&builder, "table", report->table);
    put(&builder, "suite_parameters", assay_value_map(arena));
    put(&builder, "statistics", statistics_json(report, arena));
    for (size_t i = 0; i < report->count; i++) {
        assay_value *check = NULL;
        ASSAY_TRY(check_json(&report->results[i], arena, &check, err));
        ASSAY_TRY(assay_value_append(results, check, arena, err));
    }
    put(&builder, "results", results);
    put(&builder, "expectations", results);
    put(&builder, "meta", meta_json(report, context, when, arena));
    put(&builder, "gate",
        context->verdict == NULL ? assay_value_null(arena) : gate_json(context->verdict, arena));
    put_aliases(&builder, report, when, success);
    if (builder.failed)
        return assay_error_nomem(err);
    *ret_value = builder.map;
    return ASSAY_OK;
}
