/* The gate: (results, configuration) -> verdict, pure (facts: quality.md section 6; SEMANTICS.md
 * 4). */
#include "quality/plan.h"

#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 700 };

const double assay_quarantine_rate_default = 0.05;

/* Where texts and facts of one evaluation gather. */
struct evaluation {
    const assay_quality_config *config;
    const assay_quality_report *report;
    const char *table;
    const assay_gate_override *overrides;
    size_t override_count;
    assay_split_counts split;
    assay_arena *arena;
    assay_vec reasons, warnings, overridden; /* const char * */
    assay_value *override_list;
    bool failed;
};

static void add_line(struct evaluation *e, assay_vec *lines, const char *format, ...)
    ASSAY_PRINTF(3, 4);

static void add_line(struct evaluation *e, assay_vec *lines, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    const char *text = NULL;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    text = assay_arena_text(e->arena, line);
    if (text == NULL || assay_vec_push(lines, &text, NULL) != ASSAY_OK)
        e->failed = true;
}

static void evaluation_done(struct evaluation *e)
{
    assay_vec_done(&e->reasons);
    assay_vec_done(&e->warnings);
    assay_vec_done(&e->overridden);
}

/* The threshold that counts for the table, NULL where only the global one does, or checks are
 * switched off. */
static const assay_quality_threshold *table_threshold(const struct evaluation *e)
{
    for (size_t i = 0; e->config != NULL && e->config->enabled && i < e->config->threshold_count;
         i++)
        if (assay_str_equal_ci(e->config->thresholds[i].table, e->table))
            return &e->config->thresholds[i];
    return NULL;
}

static const assay_gate_override *find_override(const struct evaluation *e,
                                                const assay_quality_check *check)
{
    for (size_t i = 0; i < e->override_count; i++)
        if (!assay_str_is_blank(e->overrides[i].reason) &&
            (strcmp(e->overrides[i].check, check->name) == 0 ||
             strcmp(e->overrides[i].check, check->expectation) == 0))
            return &e->overrides[i];
    return NULL;
}

static void note_override(struct evaluation *e, const assay_gate_override *override,
                          const assay_quality_check *check)
{
    assay_value *map = assay_value_map(e->arena);
    char when[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(override->when_us, when);
    if (map == NULL ||
        assay_value_set(map, "check", assay_value_text(e->arena, check->name), e->arena, NULL) !=
            ASSAY_OK ||
        assay_value_set(map, "reason", assay_value_text(e->arena, override->reason), e->arena,
                        NULL) != ASSAY_OK ||
        assay_value_set(map, "who",
                        assay_value_text(e->arena, override->who == NULL ? "" : override->who),
                        e->arena, NULL) != ASSAY_OK ||
        assay_value_set(map, "when", assay_value_text(e->arena, when), e->arena, NULL) !=
            ASSAY_OK ||
        assay_value_append(e->override_list, map, e->arena, NULL) != ASSAY_OK)
        e->failed = true;
}

static bool is_critical(const struct evaluation *e, assay_check_category category)
{
    const assay_quality_threshold *own = table_threshold(e);

    if (category == ASSAY_CHECK_CATEGORY_NONE)
        return false;
    return (own != NULL && own->critical[category]) ||
           (e->config != NULL && e->config->global.critical[category]);
}

/* Reasons and warnings of one result; an overridden one counts as passed: *ret_forgiven. */
static void weigh(struct evaluation *e, const assay_quality_result *result, bool *ret_forgiven)
{
    const assay_quality_check *check = result->check;
    const char *reason = result->reason == NULL ? "" : result->reason;
    bool error = result->status == ASSAY_CHECK_STATUS_ERROR;
    bool blocks =
        error || check->action >= ASSAY_CHECK_ACTION_FAIL || is_critical(e, result->category);
    const assay_gate_override *override = NULL;

    *ret_forgiven = false;
    if (!error && result->status != ASSAY_CHECK_STATUS_FAIL)
        return;
    if (!blocks) {
        add_line(e, &e->warnings, "%s: %s", check->name, reason);
        return;
    }
    override = find_override(e, check);
    if (override != NULL) {
        *ret_forgiven = true;
        note_override(e, override, check);
        add_line(e, &e->overridden, "%s overridden: %s (%s)", check->name, override->reason,
                 reason);
        return;
    }
    add_line(e, &e->reasons, error ? "%s cannot be judged: %s" : "%s: %s", check->name, reason);
}

/* A category that is declared critical must have a check that ran. */
static void demand_coverage(struct evaluation *e)
{
    const assay_quality_threshold *own = table_threshold(e);
    bool covered[ASSAY_CHECK_CATEGORY_COUNT] = {false};

    for (size_t i = 0; e->report != NULL && i < e->report->count; i++)
        if (e->report->results[i].status != ASSAY_CHECK_STATUS_SKIPPED)
            covered[e->report->results[i].category] = true;
    for (int c = ASSAY_CHECK_CATEGORY_NONE + 1; c < ASSAY_CHECK_CATEGORY_COUNT; c++) {
        const char *name = assay_check_category_name((assay_check_category)c);
        if (covered[c])
            continue;
        if (own != NULL && own->critical[c])
            add_line(e, &e->reasons,
                     "category '%s' is declared critical for %s and no check covers it", name,
                     e->table);
        else if (e->config->global.critical[c] && e->config->strict_mode)
            add_line(
                e, &e->reasons,
                "category '%s' is declared critical and no check of %s covers it (strict_mode)",
                name, e->table);
        else if (e->config->global.critical[c])
            add_line(e, &e->warnings,
                     "category '%s' is declared critical and no check of %s covers it", name,
                     e->table);
    }
}

static void demand_pass_rate(struct evaluation *e, double pass_rate)
{
    const assay_quality_threshold *own = table_threshold(e);
    double least = own != NULL && own->min_pass_rate >= 0 ? own->min_pass_rate
                                                          : e->config->global.min_pass_rate;

    if (least >= 0 && pass_rate < least)
        add_line(e, &e->reasons, "pass rate %.4g is below %.4g", pass_rate, least);
}

/* More quarantined rows than allowed say that something is wrong with all of them. */
static void demand_quarantine_rate(struct evaluation *e)
{
    static const assay_quality_check check = {.name = "max_quarantine_rate",
                                              .expectation = "max_quarantine_rate"};
    const assay_quality_threshold *own = table_threshold(e);
    const assay_gate_override *override = find_override(e, &check);
    double most = assay_quarantine_rate_default;

    if (e->split.quarantined <= 0 || e->split.input_rows <= 0)
        return;
    double rate = (double)e->split.quarantined / (double)e->split.input_rows;
    if (own != NULL && own->max_quarantine_rate >= 0)
        most = own->max_quarantine_rate;
    else if (e->config != NULL && e->config->global.max_quarantine_rate >= 0)
        most = e->config->global.max_quarantine_rate;
    if (rate <= most)
        return;
    if (override != NULL)
        note_override(e, override, &check);
    add_line(e, override != NULL ? &e->overridden : &e->reasons,
             "%lld of %lld rows would be quarantined (%.4g %%), max_quarantine_rate allows "
             "%.4g %%",
             (long long)e->split.quarantined, (long long)e->split.input_rows, 100.0 * rate,
             100.0 * most);
}

static bool must_have_suite(const struct evaluation *e)
{
    const char *dot = strchr(e->table, '.');
    size_t layer = dot == NULL ? 0 : (size_t)(dot - e->table);

    for (size_t i = 0; e->config != NULL && i < e->config->require_suite_count; i++) {
        const char *name = e->config->require_suite[i];
        if (assay_str_equal_ci(name, e->table) ||
            (strlen(name) == layer && strncmp(name, e->table, layer) == 0))
            return true;
    }
    return false;
}

static assay_status finish(struct evaluation *e, assay_gate_verdict *verdict, assay_error *err)
{
    bool overridden = e->overridden.count > 0;

    verdict->open = e->reasons.count == 0;
    if (!verdict->open)
        verdict->text = "fail";
    else if (overridden)
        verdict->text = "override";
    else
        verdict->text = e->report == NULL ? "untested" : "pass";
    ASSAY_TRY(assay_vec_to_arena(verdict->open ? &e->overridden : &e->reasons, e->arena,
                                 &verdict->reasons, &verdict->reason_count, err));
    ASSAY_TRY(assay_vec_to_arena(&e->warnings, e->arena, &verdict->warnings,
                                 &verdict->warning_count, err));
    return e->failed ? assay_error_nomem(err) : ASSAY_OK;
}

static assay_status set_details(const struct evaluation *e, assay_gate_verdict *verdict,
                                assay_error *err)
{
    assay_value *map = assay_value_map(e->arena);
    assay_arena *arena = e->arena;

    ASSAY_TRY(assay_arena_check(map, err));
    ASSAY_TRY(assay_value_set(map, "verdict", assay_value_text(arena, verdict->text), arena, err));
    if (e->report != NULL) {
        const assay_quality_report *report = e->report;
        ASSAY_TRY(assay_value_set(map, "suite", assay_value_text(arena, report->suite->name), arena,
                                  err));
        ASSAY_TRY(assay_value_set(map, "checks", assay_value_int(arena, (int64_t)report->count),
                                  arena, err));
        ASSAY_TRY(assay_value_set(map, "passed", assay_value_int(arena, (int64_t)report->passed),
                                  arena, err));
        ASSAY_TRY(assay_value_set(map, "failed", assay_value_int(arena, (int64_t)report->failed),
                                  arena, err));
        ASSAY_TRY(assay_value_set(map, "errors", assay_value_int(arena, (int64_t)report->errors),
                                  arena, err));
        ASSAY_TRY(assay_value_set(map, "skipped", assay_value_int(arena, (int64_t)report->skipped),
                                  arena, err));
        if (verdict->pass_rate >= 0)
            ASSAY_TRY(assay_value_set(map, "pass_rate", assay_value_real(arena, verdict->pass_rate),
                                      arena, err));
    }
    if (e->split.quarantined > 0)
        ASSAY_TRY(assay_value_set(map, "quarantined", assay_value_int(arena, e->split.quarantined),
                                  arena, err));
    if (e->override_list->count > 0)
        ASSAY_TRY(assay_value_set(map, "overrides", e->override_list, arena, err));
    verdict->details = map;
    return ASSAY_OK;
}

/* Everything that can shut the gate of a table with a suite. */
static void weigh_report(struct evaluation *e, assay_gate_verdict *verdict)
{
    const assay_quality_report *report = e->report;
    size_t ran = report->passed + report->failed + report->errors;
    size_t passed = report->passed;

    verdict->suite_hash = report->suite->hash;
    if (report->suite->problem != NULL)
        add_line(e, &e->reasons, "suite '%s': %s", report->suite->name, report->suite->problem);
    for (size_t i = 0; i < report->count; i++) {
        bool forgiven = false;
        weigh(e, &report->results[i], &forgiven);
        passed += forgiven ? 1 : 0;
    }
    verdict->check_warning_count = e->warnings.count;
    if (ran == 0) {
        add_line(e, &e->reasons, "no check of suite '%s' ran", report->suite->name);
        return;
    }
    verdict->pass_rate = (double)report->passed / (double)ran;
    if (e->config != NULL)
        demand_pass_rate(e, (double)passed / (double)ran);
}

assay_status assay_gate_evaluate(const assay_gate_question *question, assay_arena *arena,
                                 assay_gate_verdict **ret_verdict, assay_error *err)
{
    const assay_quality_config *config = question->config;
    const assay_quality_report *report = question->report;
    const char *table = question->table;
    ASSAY_AUTO(evaluation_done)
    struct evaluation e = {
        .config = config,
        .report = report,
        .table = table,
        .overrides = question->overrides,
        .override_count = question->override_count,
        .split = question->split,
        .arena = arena,
        .reasons = ASSAY_VEC_OF(const char *),
        .warnings = ASSAY_VEC_OF(const char *),
        .overridden = ASSAY_VEC_OF(const char *),
        .override_list = assay_value_list(arena),
    };
    assay_gate_verdict *verdict = assay_arena_take(arena, 1, sizeof(*verdict));

    ASSAY_TRY(assay_arena_check(verdict, err));
    ASSAY_TRY(assay_arena_check(e.override_list, err));
    verdict->pass_rate = -1;
    if (report != NULL)
        weigh_report(&e, verdict);
    else if (must_have_suite(&e))
        add_line(&e, &e.reasons, "no suite names %s, and require_suite demands one", table);
    if (config != NULL && !config->enabled)
        add_line(&e, &e.warnings, "dq.enabled is false: nothing is checked");
    if (report == NULL && table_threshold(&e) != NULL)
        add_line(&e, &e.reasons, "thresholds name %s and no suite does", table);
    if (config != NULL && (report != NULL || table_threshold(&e) != NULL))
        demand_coverage(&e);
    demand_quarantine_rate(&e);
    ASSAY_TRY(finish(&e, verdict, err));
    ASSAY_TRY(set_details(&e, verdict, err));
    *ret_verdict = verdict;
    return ASSAY_OK;
}

assay_gate_token *assay_gate_open(const assay_gate_verdict *verdict, const char *table,
                                  const char *stage_id, assay_arena *arena)
{
    if (verdict == NULL || !verdict->open)
        return NULL;
    return assay_gate_token_new(arena, table, stage_id, verdict->text, verdict->suite_hash);
}

assay_gate_token *assay_gate_carry(const char *verdict, const char *suite_hash,
                                   const assay_gate_carried *copy, assay_arena *arena)
{
    return assay_gate_token_new(arena, copy->table, copy->stage_id,
                                verdict != NULL ? verdict : "untested", suite_hash);
}

assay_status assay_gate_refuse(const assay_gate_verdict *verdict, const char *table,
                               assay_error *err)
{
    if (verdict->reason_count > 1)
        return assay_error_set(err, ASSAY_EGATE, 5010, "the gate of %s is shut: %s (and %zu more)",
                               table, verdict->reasons[0], verdict->reason_count - 1);
    return assay_error_set(err, ASSAY_EGATE, 5010, "the gate of %s is shut: %s", table,
                           verdict->reason_count == 0 ? "no reason given" : verdict->reasons[0]);
}
