/* Data quality: suites from config/dq.yaml, checks over a table as it will be after a commit, the
 * verdict, and the token without which nothing is committed (facts: Great Expectations semantics).
 *
 * The order of use: assay_quality_config_load once a run; for every table assay_quality_suite_find,
 * assay_quality_run, assay_gate_evaluate, assay_gate_open. A suite that is named and cannot run is
 * a report with checks in ERROR, not a failed call: the gate is then shut.
 *
 * Thread rule: a loaded config is read-only and may be shared; a request and its report belong to
 * one thread. Everything lives in the arena that was handed in. */
#ifndef ASSAY_QUALITY_QUALITY_H
#define ASSAY_QUALITY_QUALITY_H

#include "base/cancel.h"
#include "engine/engine.h"
#include "table/commit.h"
#include "table/file.h"
#include "text/value.h"

enum {
    ASSAY_QUALITY_CHECKS_MAX = 5000,     /* checks of one config */
    ASSAY_QUALITY_SAMPLES = 20,          /* default length of partial lists */
    ASSAY_QUALITY_LIST_MAX = 10000,      /* unexpected_list of COMPLETE; what is cut is said */
    ASSAY_QUALITY_DISTINCT_MAX = 100000, /* distinct values that are fetched */
    ASSAY_QUALITY_TIMEOUT_MS = 3600000   /* one pass, where the request names no limit */
};

/* What a check that does not pass does. Only FAIL and FAIL_FAST shut the gate by themselves;
 * QUARANTINE keeps rows that break the rule out of the table before it is judged. */
typedef enum assay_check_action {
    ASSAY_CHECK_ACTION_LOG,
    ASSAY_CHECK_ACTION_ALERT,
    ASSAY_CHECK_ACTION_WARN,
    ASSAY_CHECK_ACTION_QUARANTINE,
    ASSAY_CHECK_ACTION_FAIL,
    ASSAY_CHECK_ACTION_FAIL_FAST
} assay_check_action;

typedef enum assay_check_severity {
    ASSAY_CHECK_SEVERITY_INFO,
    ASSAY_CHECK_SEVERITY_WARNING,
    ASSAY_CHECK_SEVERITY_CRITICAL
} assay_check_severity;

typedef enum assay_check_status {
    ASSAY_CHECK_STATUS_PASS,
    ASSAY_CHECK_STATUS_FAIL,
    ASSAY_CHECK_STATUS_ERROR,  /* it could not be judged: never passed */
    ASSAY_CHECK_STATUS_SKIPPED /* switched off by name, or after a fail_fast */
} assay_check_status;

/* What critical_checks name (SEMANTICS.md 4.3). */
typedef enum assay_check_category {
    ASSAY_CHECK_CATEGORY_NONE,
    ASSAY_CHECK_CATEGORY_NOT_NULL_KEYS,
    ASSAY_CHECK_CATEGORY_REFERENTIAL_INTEGRITY,
    ASSAY_CHECK_CATEGORY_FRESHNESS,
    ASSAY_CHECK_CATEGORY_VOLUME,
    ASSAY_CHECK_CATEGORY_COUNT
} assay_check_category;

/* How the answer was found. */
typedef enum assay_check_proof {
    ASSAY_CHECK_PROOF_NONE,     /* not judged */
    ASSAY_CHECK_PROOF_SCHEMA,   /* columns and types alone */
    ASSAY_CHECK_PROOF_METADATA, /* statistics of the data files */
    ASSAY_CHECK_PROOF_SCAN,     /* the fused scan */
    ASSAY_CHECK_PROOF_KEYS,     /* a pass over a key set */
    ASSAY_CHECK_PROOF_QUERY     /* a query of its own */
} assay_check_proof;

typedef enum assay_result_format {
    ASSAY_RESULT_FORMAT_BOOLEAN_ONLY,
    ASSAY_RESULT_FORMAT_BASIC,
    ASSAY_RESULT_FORMAT_SUMMARY,
    ASSAY_RESULT_FORMAT_COMPLETE
} assay_result_format;

/* "fail_fast", "critical", "error", "not_null_keys", "metadata", "BASIC"; never NULL. */
const char *assay_check_action_name(assay_check_action action);
const char *assay_check_severity_name(assay_check_severity severity);
const char *assay_check_status_name(assay_check_status status);
const char *assay_check_category_name(assay_check_category category);
const char *assay_check_proof_name(assay_check_proof proof);
const char *assay_result_format_name(assay_result_format format);

/* ---- suites and gate keys ---- */

/* One check as it was configured. */
typedef struct assay_quality_check {
    const char *expectation;   /* canonical name; for an unknown one as it was written */
    const char *name;          /* given by the user, or "kind(columns)"; unique in its suite */
    const assay_value *kwargs; /* MAP, aliases resolved; never NULL */
    assay_check_action action;
    assay_check_severity severity;
    bool batch;          /* scope: batch judges only what the commit adds */
    bool enabled;        /* false: skipped, visibly */
    const char *problem; /* not NULL: it cannot run, and this is why (status ERROR) */
    int problem_number;  /* E-number of the problem */
    int line, column;    /* place in the file of the config */
} assay_quality_check;

/* All checks of one table, whatever sections they came from. */
typedef struct assay_quality_suite {
    const char *name;  /* as the file names it; several sections: the first */
    const char *table; /* "silver.orders" */
    assay_quality_check *checks;
    size_t count;
    const char *hash;    /* hex SHA-256 of its checks: changes when their meaning does */
    const char *problem; /* not NULL: named but empty or broken; the gate is shut */
    int problem_number;
    int line, column;
} assay_quality_suite;

/* quality_gates, or one table of quality_gates.thresholds. */
typedef struct assay_quality_threshold {
    const char *table;          /* NULL: the global one */
    double min_pass_rate;       /* 0..1; -1 = not said */
    double max_quarantine_rate; /* 0..1; -1 = not said */
    bool critical[ASSAY_CHECK_CATEGORY_COUNT];
    int line, column;
} assay_quality_threshold;

typedef struct assay_quality_config {
    const char *path; /* as the user knows it */
    bool enabled;     /* dq.enabled: false makes every table untested */
    bool strict_mode; /* dq.strict_mode */
    assay_quality_suite *suites;
    size_t suite_count;
    assay_quality_threshold global;
    assay_quality_threshold *thresholds;
    size_t threshold_count;
    const char **require_suite; /* layers and tables that must have a suite */
    size_t require_suite_count;
    const char *output_path; /* reporting.output_path; NULL = not said */
    const char **notes;      /* what the file asks for and nothing does yet, to be shown once */
    size_t note_count;
} assay_quality_config;

/* What is read: the document, how the user knows its file, and the layer names that may stand at
 * its top (NULL = bronze, silver, gold). */
typedef struct assay_quality_source {
    const assay_value *tree; /* already parsed and expanded; NULL = no file */
    const char *path;
    const char *const *layers;
    size_t layer_count;
} assay_quality_source;

/* Reads config/dq.yaml; no file and an empty one give a config without suites. Errors with their
 * place: unknown or misplaced key 5001, wrong kind of value 5002, a dialect that is not built yet
 * 5003. A check that is understood but cannot run is kept with its `problem`. */
ASSAY_NODISCARD assay_status assay_quality_config_load(const assay_quality_source *source,
                                                       assay_arena *arena,
                                                       assay_quality_config **ret_config,
                                                       assay_error *err);

/* The suite of "silver.orders", or NULL: then the table is untested. */
const assay_quality_suite *assay_quality_suite_find(const assay_quality_config *config,
                                                    const char *table);

/* Checks made in memory, for the library's callers and tests: `count` expectations by name, each
 * with its MAP of kwargs (NULL = none). */
typedef struct assay_quality_spec {
    const char *table;
    const char *const *names;
    const assay_value *const *kwargs;
    size_t count;
} assay_quality_spec;

ASSAY_NODISCARD assay_status assay_quality_suite_of(const assay_quality_spec *spec,
                                                    assay_arena *arena,
                                                    assay_quality_suite **ret_suite,
                                                    assay_error *err);

/* ---- running a suite ---- */

/* Which columns (`names`) of the rows that `sql` gives hold personal data of any table: sets every
 * hidden[i]. The judged table stands in `sql` under its own name. What is not known is hidden. */
typedef void assay_quality_hides(const void *user, const char *sql, const char *const *names,
                                 size_t count, bool *hidden);

typedef struct assay_quality_request {
    assay_conn
        *conn; /* busy with the checks until the call returns; its temporary schema is used */
    const char *table; /* "silver.orders": how the table is named in results and SQL */
    const assay_quality_suite *suite; /* never NULL: an untested table is not run */

    /* A SELECT that gives the table as it will be after the commit. It may have two columns more
     * than the table, __assay_file (VARCHAR) and __assay_row (BIGINT), which say where a row lies
     * and fix the physical order (assay_scan_options.file_columns); files are ordered as in
     * `files`. */
    const char *relation;
    /* What `relation` gives, where that is known: it is not bound to learn it. NULL = it is. */
    const assay_column *columns;
    size_t column_count;
    const char *batch_relation; /* the same for what the commit adds; NULL = the whole table */

    /* Data files that make up exactly `relation`, for proofs without reading; NULL = none known.
     * Only files with `own` are believed. `schema` gives their field ids. */
    const assay_schema *schema;
    const assay_data_file *files;
    size_t file_count;

    const char *const *key_columns; /* the model's key: a not_null on one is not_null_keys */
    size_t key_count;
    const char *const *pii_columns; /* their values are shown as *** */
    size_t pii_count;
    assay_quality_hides *hides; /* rows of queries of the user; NULL = by pii_columns alone */
    const void *hides_user;
    const char *const *index_columns; /* unexpected_index_column_names */
    size_t index_count;
    assay_result_format
        result_format;          /* where a check names none; BASIC is the product's default */
    int64_t now_us;             /* the run's frozen clock */
    int64_t timeout_ms;         /* of each pass; 0 = ASSAY_QUALITY_TIMEOUT_MS */
    const assay_cancel *cancel; /* may be NULL */
} assay_quality_request;

/* One row that broke a rule. */
typedef struct assay_quality_sample {
    const assay_value *value; /* the judged value; pairs: LIST; records: MAP; pii: "***" */
    const assay_value *index; /* MAP of index and judged columns; NULL = none were named */
    const char *file;         /* where the row lies; NULL and -1 = not known */
    int64_t row;
} assay_quality_sample;

/* What came of one check. Counts are -1 where the kind has none. */
typedef struct assay_quality_result {
    const assay_quality_check *check;
    assay_check_status status;
    assay_check_severity severity; /* ERROR is always critical */
    assay_check_category category;
    assay_check_proof proof;
    const char *reason;          /* one line for people: why it did not pass; NULL = passed */
    const char *exception;       /* ERROR: the message; else NULL */
    int exception_number;        /* E-number of it */
    const assay_value *observed; /* observed_value; NULL = the kind has none */
    const assay_value *details;  /* MAP or NULL */
    int64_t element_count, judged_count, unexpected_count;
    int64_t quarantined; /* rows that broke it and were kept out before; set by the caller */
    bool judges_nulls;   /* the denominator is element_count (null, not_null): no missing_* keys */
    assay_quality_sample
        *samples; /* in row order; all of them where the format asks for COMPLETE */
    size_t sample_count;
    const assay_value *value_counts; /* LIST of {value, count}, most frequent first, where the
                                      * samples are not all; NULL = count the samples */
    bool truncated;                  /* there are more unexpected rows than samples */
    assay_result_format format;
    size_t partial_count; /* length of the partial lists */
    const char *sql;      /* what decided it, over the table's name; NULL = no query */
    const char *sql_id;   /* short hash of `sql` */
    int64_t duration_us;  /* of the passes it took part in, shared ones in full */
} assay_quality_result;

typedef struct assay_quality_report {
    const char *table;
    const assay_quality_suite *suite;
    assay_quality_result *results; /* as in the suite */
    size_t count;
    size_t passed, failed, errors, skipped;
    int64_t sql_passes;              /* queries that read the table, samples too */
    int64_t rows_scanned;            /* rows those passes went over */
    int64_t started_us, duration_us; /* started_us is the frozen clock */
} assay_quality_report;

/* Runs the suite. Whatever goes wrong with a check, with a pass (error, timeout, cancel, memory)
 * or with the suite ends as checks in ERROR; a status other than ASSAY_OK means only that memory
 * for the report itself is missing or the request is wrong. */
ASSAY_NODISCARD assay_status assay_quality_run(const assay_quality_request *request,
                                               assay_arena *arena,
                                               assay_quality_report **ret_report, assay_error *err);

/* ---- row rules ---- */

/* The name of the judged rows in the SQL of row rules: FROM (..) AS "__dq_b". */
#define ASSAY_MASK_ALIAS "\"__dq_b\""

/* What a check says about one row. */
typedef struct assay_mask_rule {
    const assay_quality_check *check;
    const char *broken;     /* "the row breaks it"; never unknown. NULL: only copies break it */
    const char *const *key; /* expressions of a key that no two rows may share; NULL = none */
    size_t key_count;
    const char *kept; /* rows that take part in the key; NULL = all */
} assay_mask_rule;

typedef struct assay_mask_rules {
    assay_mask_rule *items;
    size_t count;
    const char
        *problem; /* why the first check that gives no rule cannot be judged; NULL = all do */
    const assay_quality_check *problem_check;
} assay_mask_rules;

/* The row rules of the enabled checks of request->suite with action QUARANTINE, over the columns of
 * request->relation. A check that cannot be compiled gives no rule: when the suite runs it is in
 * ERROR, and the gate is shut. Tables that it refers to must be readable in the connection. */
ASSAY_NODISCARD assay_status assay_quality_mask_rules(const assay_quality_request *request,
                                                      assay_arena *arena,
                                                      assay_mask_rules *ret_rules,
                                                      assay_error *err);

/* What the split of a load gave. */
typedef struct assay_split_counts {
    int64_t input_rows; /* good, quarantined and dropped */
    int64_t quarantined;
} assay_split_counts;

/* Share of quarantined rows that the gate lets pass where nothing is said. */
extern const double assay_quarantine_rate_default;

/* ---- the gate ---- */

/* --override-gate CHECK --reason TEXT: opens one check once. */
typedef struct assay_gate_override {
    const char *check;  /* a check's name, or its expectation */
    const char *reason; /* never empty */
    const char *who;
    int64_t when_us;
} assay_gate_override;

typedef struct assay_gate_verdict {
    bool open;
    const char *text;     /* "pass", "untested", "override", "fail" */
    const char **reasons; /* why it is shut, or what was overridden; first the most important */
    size_t reason_count;
    const char *
        *warnings; /* failed checks that do not block, then the rest: uncovered categories */
    size_t warning_count;
    size_t check_warning_count; /* how many of them, the first ones, are of failed checks */
    double pass_rate;           /* pass / (pass + fail + error); -1 = no check ran */
    const char *suite_hash;     /* NULL = untested */
    const assay_value *details; /* MAP for the state file: pass_rate, counts, checks, overrides */
} assay_gate_verdict;

typedef struct assay_gate_question {
    const assay_quality_config *config; /* NULL = no dq.yaml */
    const assay_quality_report *report; /* NULL = the table has no suite */
    const char *table;
    const assay_gate_override *overrides;
    size_t override_count;
    assay_split_counts split;
} assay_gate_question;

/* Pure: equal questions, equal verdict. */
ASSAY_NODISCARD assay_status assay_gate_evaluate(const assay_gate_question *question,
                                                 assay_arena *arena,
                                                 assay_gate_verdict **ret_verdict,
                                                 assay_error *err);

/* The token for this table and staging, or NULL: the verdict is shut (or memory is short). */
assay_gate_token *assay_gate_open(const assay_gate_verdict *verdict, const char *table,
                                  const char *stage_id, assay_arena *arena);

/* The token for a copy of exactly the rows of a published snapshot: the verdict that they have
 * stands (NULL = none was ever given: "untested"). NULL when memory is short. */
typedef struct assay_gate_carried {
    const char *table;
    const char *stage_id; /* of the copy */
} assay_gate_carried;
assay_gate_token *assay_gate_carry(const char *verdict, const char *suite_hash,
                                   const assay_gate_carried *copy, assay_arena *arena);

/* EGATE 5010 that names the table and the first reason; for the step that has to stop. */
ASSAY_NODISCARD assay_status assay_gate_refuse(const assay_gate_verdict *verdict, const char *table,
                                               assay_error *err);

/* ---- results ---- */

typedef struct assay_quality_context {
    const char *run_id;                /* may be NULL */
    const char *run_name;              /* may be NULL */
    const char *snapshot;              /* what was judged; may be NULL */
    const assay_gate_verdict *verdict; /* may be NULL */
} assay_quality_context;

/* The suite's validation result in the shape of GE (facts: quality.md section 4), with our keys and
 * the aliases of the original. The caller writes it. */
ASSAY_NODISCARD assay_status assay_quality_report_json(const assay_quality_report *report,
                                                       const assay_quality_context *context,
                                                       assay_arena *arena, assay_value **ret_value,
                                                       assay_error *err);

/* The object `result` of one check at its result format; never NULL on ASSAY_OK. */
ASSAY_NODISCARD assay_status assay_quality_result_json(const assay_quality_result *result,
                                                       assay_arena *arena, assay_value **ret_value,
                                                       assay_error *err);

/* A value on one line for people, cut to `limit` bytes on a code point: null as NULL, text bare. */
void assay_quality_value_text(assay_buf *buf, const assay_value *value, size_t limit);

/* ---- what can be checked ---- */

/* One row of the catalogue: for `assay explain`, the guide and completion. */
typedef struct assay_quality_kind_info {
    const char *name;
    const char *kwargs; /* names, blank-separated */
    const char *doc;
    bool built;
    bool quarantines; /* action quarantine is possible */
} assay_quality_kind_info;

size_t assay_quality_kind_count(void);
assay_quality_kind_info assay_quality_kind_at(size_t index);

#endif
