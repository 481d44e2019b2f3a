/* Inside the room: a check compiled to metrics (SQL expressions over a source), a judge, and the
 * predicate that finds its bad rows. Nothing outside src/quality includes this. */
#ifndef ASSAY_QUALITY_PLAN_H
#define ASSAY_QUALITY_PLAN_H

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "quality/quality.h"

/* Names inside the connection's temporary schema; `rows` with __assay_file and __assay_row, `batch`
 * without. */
#define ASSAY_DQ_ROWS "\"temp\".\"main\".\"__dq_rows\""
#define ASSAY_DQ_BATCH "\"temp\".\"main\".\"__dq_batch\""
#define ASSAY_DQ_ADDED "\"temp\".\"main\".\"__dq_added\""
#define ASSAY_DQ_ADDED_BATCH "\"temp\".\"main\".\"__dq_added_batch\""
#define ASSAY_DQ_SHAPE "\"temp\".\"main\".\"__dq_shape\""
/* The alias of the judged rows in every query. */
#define ASSAY_DQ_ALIAS ASSAY_MASK_ALIAS

/* What values of a column can be compared with. */
typedef enum assay_dq_family {
    ASSAY_DQ_INTEGER,
    ASSAY_DQ_DECIMAL,
    ASSAY_DQ_FLOAT,
    ASSAY_DQ_DOUBLE,
    ASSAY_DQ_BOOLEAN,
    ASSAY_DQ_TEXT,
    ASSAY_DQ_DATE,
    ASSAY_DQ_TIMESTAMP,
    ASSAY_DQ_TIMESTAMPTZ,
    ASSAY_DQ_OTHER
} assay_dq_family;

typedef struct assay_dq_column {
    const char *name;
    const char *type; /* DuckDB's text */
    assay_dq_family family;
    const char *sql;   /* the quoted name, with the alias of the judged rows */
    const char *value; /* what is judged: NaN is NULL, ENUM and JSON are text */
    bool pii;
    const assay_field *field; /* of the request's schema; NULL = no statistics */
} assay_dq_column;

/* Passes that must not be fused with one another. */
typedef enum assay_dq_lane {
    ASSAY_DQ_LANE_METADATA, /* constants: no source */
    ASSAY_DQ_LANE_FOOTER,   /* row count, min and max alone: answered from footers */
    ASSAY_DQ_LANE_SCAN,
    ASSAY_DQ_LANE_KEYS,
    ASSAY_DQ_LANE_USER,  /* expressions of the user: a batch of their own */
    ASSAY_DQ_LANE_QUERY, /* queries of their own */
    ASSAY_DQ_LANE_COUNT
} assay_dq_lane;

typedef struct assay_dq_metric assay_dq_metric;
struct assay_dq_metric {
    assay_dq_lane lane;
    const char *source;        /* text after FROM; NULL for a constant */
    const char *expression;    /* an aggregate over the source */
    assay_dq_metric *shortcut; /* TRUE there settles this one as 0 */
    bool wanted, bound, done, by_shortcut;
    const assay_value *value; /* when done and failure is NULL */
    const assay_error *failure;
    int64_t duration_us;
};

enum {
    ASSAY_DQ_ELEMENT,    /* rows of the domain */
    ASSAY_DQ_JUDGED,     /* rows or values that are judged */
    ASSAY_DQ_UNEXPECTED, /* rows that break the rule */
    ASSAY_DQ_OBSERVED,   /* observed_value */
    ASSAY_DQ_OK,         /* the rule as SQL sees it */
    ASSAY_DQ_EXTRA,      /* what else the judge needs */
    ASSAY_DQ_SLOTS
};

typedef struct assay_dq_run assay_dq_run;
typedef struct assay_dq_plan assay_dq_plan;
typedef struct assay_dq_kind assay_dq_kind;

/* Sets status, observed, details and reason from the slots. */
typedef void assay_dq_judge(assay_dq_run *run, assay_dq_plan *plan);
/* Fills the plan; an error is the check's, ENOMEM the run's. */
typedef assay_status assay_dq_compile(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);

typedef enum assay_dq_shape {
    ASSAY_DQ_SINGLE, /* the value */
    ASSAY_DQ_PAIR,   /* [a, b] */
    ASSAY_DQ_RECORD  /* {column: value} */
} assay_dq_shape;

struct assay_dq_plan {
    const assay_quality_check *check;
    assay_quality_result *result;
    const assay_dq_kind *kind;
    bool settled;      /* has its status */
    bool waiting;      /* not yet its turn: fail_fast checks go first */
    const char *base;  /* what stands after FROM, without alias: a view or a subquery of it */
    const char *batch; /* the same without the columns of position, for queries of the user */
    bool whole;        /* no condition, whole table: statistics of files may answer */
    bool require_rows;
    bool hides_observed; /* what is observed is a value of a pii column */
    assay_dq_metric *slots[ASSAY_DQ_SLOTS];
    assay_dq_judge *judge;
    double mostly;

    /* rows that break the rule; unexpected NULL = the kind has no such rows */
    const char *evidence_source; /* with alias */
    const char *unexpected;
    bool evidence_order; /* the source does not keep the physical order */
    assay_dq_shape shape;
    const assay_dq_column **judged;
    size_t judged_count;
    const char *rows_query;  /* whole records of a query of the user are the evidence */
    const char *named_query; /* the same over the judged table by its name */

    assay_value *details; /* as the result shows them */
    const char *probe;    /* run on no data at bind: patterns and formats that the engine refuses */
    const void *extra;    /* of the kind */
    const char *sql;      /* what is shown */
    /* for row rules */
    const char *condition; /* row_condition as SQL; NULL = none */
    bool keyed;            /* the judged columns are a key that no two rows may share */
    const char *kept;      /* rows that take part in it; NULL = all */
    const char *missing; /* of a key: "a part of it is missing", which breaks it; NULL = does not */
    /* result_format */
    const assay_value *index_columns; /* LIST or NULL: instead of the request's */
    bool exclude_values;
};

struct assay_dq_kind {
    const char *name;
    const char *kwargs; /* blank-separated, without the common ones */
    const char *rule;   /* name in validation_rules, or NULL */
    assay_check_category category;
    bool keyed_category;       /* the category holds only on a key column */
    assay_dq_compile *compile; /* NULL = not built yet */
    int variant;
    const char *doc;
};

struct assay_dq_run {
    const assay_quality_request *request;
    assay_arena *arena;
    assay_dq_column *columns;
    size_t column_count;
    const char **index_columns; /* of the request, those the table has */
    size_t index_count;
    bool positioned; /* the relation has __assay_file and __assay_row */
    bool own_files;  /* statistics may be believed */
    int64_t file_rows;
    assay_dq_plan *plans;
    size_t plan_count;
    assay_vec metrics; /* assay_dq_metric * */
    assay_quality_report *report;
    struct assay_dq_watch *watch;
    const char *shown_table; /* the table's name, quoted */
    int64_t scans;           /* passes that went over rows */
    bool failed; /* memory was short somewhere: the texts made since are not to be used */
};

/* ---- kinds.c ---- */

/* The row of a name, or NULL. */
const assay_dq_kind *assay_dq_kind_find(const char *name);
/* Whether rows that break it can be told one by one, so that they can be quarantined. */
bool assay_dq_kind_marks_rows(const assay_dq_kind *kind);
/* Nearest name, or NULL. */
const char *assay_dq_kind_nearest(const char *name);
/* Whether the kind takes this keyword argument (the common ones too). */
bool assay_dq_kind_takes(const assay_dq_kind *kind, const char *kwarg);
/* Whether the kind itself names it. */
bool assay_dq_kind_names(const assay_dq_kind *kind, const char *kwarg);
/* Nearest keyword argument of the kind, or NULL. */
const char *assay_dq_kind_nearest_kwarg(const assay_dq_kind *kind, const char *kwarg,
                                        assay_arena *arena);

/* ---- sql.c: texts and metrics ---- */

/* Puts SQL together from parts that are quoted already. Never NULL: "" and run->failed when memory
 * is short. */
const char *assay_dq_sql(assay_dq_run *run, const char *format, ...) ASSAY_PRINTF(2, 3);
/* What `buf` holds as text of the run; never NULL, as above. */
const char *assay_dq_keep(assay_dq_run *run, const assay_buf *buf);
/* 'text' / "name". Never NULL, as above. */
const char *assay_dq_quote_text(assay_dq_run *run, const char *text);
const char *assay_dq_quote_name(assay_dq_run *run, const char *name);
/* A table as the user names it: "gold"."dim_customer". */
const char *assay_dq_quote_table_name(assay_dq_run *run, const char *table);
/* The same; the judged table itself is its view. */
const char *assay_dq_quote_table(assay_dq_run *run, const assay_dq_plan *plan, const char *table);
/* A column name that neither the table has nor `prefix` itself, quoted. */
const char *assay_dq_fresh_name(assay_dq_run *run, const char *prefix);
/* ORDER BY list of the physical order over alias; NULL when the relation has no positions. */
const char *assay_dq_order(assay_dq_run *run);

/* The metric of this lane, source and expression; equal ones are one. NULL when memory is short. */
assay_dq_metric *assay_dq_metric_of(assay_dq_run *run, assay_dq_lane lane, const char *source,
                                    const char *expression);
/* "<base> AS alias" */
const char *assay_dq_from(assay_dq_run *run, const assay_dq_plan *plan);

/* Families: number, moment. */
bool assay_dq_is_number(assay_dq_family family);
bool assay_dq_is_temporal(assay_dq_family family);
const char *assay_dq_family_name(assay_dq_family family);
assay_dq_family assay_dq_family_of(const char *type);

/* ---- args.c: keyword arguments ---- */

/* The argument, or NULL where it is absent or null. */
const assay_value *assay_dq_arg(const assay_dq_plan *plan, const char *name);
/* Column of argument `name` (or of a text value): 5020 where the table has none. */
ASSAY_NODISCARD assay_status assay_dq_arg_column(assay_dq_run *run, const assay_dq_plan *plan,
                                                 const char *name,
                                                 const assay_dq_column **ret_column,
                                                 assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_column_of(const assay_dq_run *run, const assay_value *name,
                                                const char *kwarg,
                                                const assay_dq_column **ret_column,
                                                assay_error *err);
/* Columns of a list argument, at least `least`, become the judged columns of the plan. */
ASSAY_NODISCARD assay_status assay_dq_arg_columns(assay_dq_run *run, assay_dq_plan *plan,
                                                  const char *name, size_t least, assay_error *err);
/* Argument `column` becomes the one judged column. */
ASSAY_NODISCARD assay_status assay_dq_arg_judged(assay_dq_run *run, assay_dq_plan *plan,
                                                 const assay_dq_column **ret_column,
                                                 assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_arg_text(const assay_dq_plan *plan, const char *name,
                                               const char **ret_text, assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_arg_bool(const assay_dq_plan *plan, const char *name,
                                               bool otherwise, bool *ret_value, assay_error *err);
/* A list of texts; *ret_list stays NULL where the argument is absent. */
ASSAY_NODISCARD assay_status assay_dq_arg_texts(const assay_dq_plan *plan, const char *name,
                                                const assay_value **ret_list, assay_error *err);
/* A number; `required` or *ret_given = false. */
ASSAY_NODISCARD assay_status assay_dq_arg_real(const assay_dq_plan *plan, const char *name,
                                               bool *ret_given, double *ret_value,
                                               assay_error *err);
/* A whole number >= 0. */
ASSAY_NODISCARD assay_status assay_dq_arg_whole(const assay_dq_plan *plan, const char *name,
                                                bool *ret_given, int64_t *ret_value,
                                                assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_arg_mostly(assay_dq_plan *plan, assay_error *err);

/* ---- literal.c, param.c ---- */

/* Bounds as SQL literals of a family; NULL = open. */
typedef struct assay_dq_bounds {
    const char *min, *max;
    bool strict_min, strict_max;
    const assay_value *min_value, *max_value;
} assay_dq_bounds;

/* `value` as a literal that compares with `family` without a cast of the data; 5021 where it is of
 * another kind. */
ASSAY_NODISCARD assay_status assay_dq_literal(assay_dq_run *run, const assay_value *value,
                                              assay_dq_family family, const char **ret_sql,
                                              assay_error *err);
/* A member of a set, cast to the column's type by us; NULL where it cannot be. */
ASSAY_NODISCARD assay_status assay_dq_member(assay_dq_run *run, const assay_value *value,
                                             const assay_dq_column *column, const char **ret_sql,
                                             assay_error *err);
/* min_value, max_value, strict_min, strict_max. */
ASSAY_NODISCARD assay_status assay_dq_bounds_read(assay_dq_run *run, const assay_dq_plan *plan,
                                                  assay_dq_family family,
                                                  assay_dq_bounds *ret_bounds, assay_error *err);
/* The SQL predicate "value lies within"; TRUE where both are open. */
const char *assay_dq_within(assay_dq_run *run, const char *value, const assay_dq_bounds *bounds);
/* {"$PARAMETER": text} becomes its value, everything else stays. */
ASSAY_NODISCARD assay_status assay_dq_param_resolve(const assay_value *value, int64_t now_us,
                                                    assay_arena *arena,
                                                    const assay_value **ret_value,
                                                    assay_error *err);

/* ---- condition.c ---- */

/* The predicate of row_condition in `parser`'s grammar as SQL; 5023. */
ASSAY_NODISCARD assay_status assay_dq_condition(const char *condition, const char *parser,
                                                assay_arena *arena, const char **ret_sql,
                                                assay_error *err);

/* ---- proof.c ---- */

/* Finds out which statistics may be believed. */
void assay_dq_proof_init(assay_dq_run *run);
/* Exact answers from statistics as SQL constants, NULL where there is none. */
const char *assay_dq_proof_rows(assay_dq_run *run, const assay_dq_plan *plan);
const char *assay_dq_proof_values(assay_dq_run *run, const assay_dq_plan *plan,
                                  const assay_dq_column *column); /* rows that are not NULL */
const char *assay_dq_proof_bound(assay_dq_run *run, const assay_dq_plan *plan,
                                 const assay_dq_column *column, bool upper);
/* Bounds that hold but may be wider than the values: good for proving that all lie within. */
bool assay_dq_proof_range(assay_dq_run *run, const assay_dq_plan *plan,
                          const assay_dq_column *column, const char **ret_min,
                          const char **ret_max);

/* ---- rows.c: what all kinds that judge rows share ---- */

/* Rows of the domain. */
assay_dq_metric *assay_dq_metric_rows(assay_dq_run *run, const assay_dq_plan *plan);
/* Values of a column that are not missing. */
assay_dq_metric *assay_dq_metric_values(assay_dq_run *run, const assay_dq_plan *plan,
                                        const assay_dq_column *column);
/* Sets the slots of a rule over one column: `expected` is judged where the value is not missing. */
ASSAY_NODISCARD assay_status assay_dq_rows_column(assay_dq_run *run, assay_dq_plan *plan,
                                                  const assay_dq_column *column,
                                                  const char *expected, assay_error *err);
/* Sets the slots of a rule over records: `kept` says which rows are judged (NULL = all); a NULL
 * predicate is unexpected. */
ASSAY_NODISCARD assay_status assay_dq_rows_record(assay_dq_run *run, assay_dq_plan *plan,
                                                  const char *kept, const char *expected,
                                                  assay_error *err);
/* Status from counts and mostly. */
void assay_dq_judge_rows(assay_dq_run *run, assay_dq_plan *plan);
/* Status from OBSERVED and OK. */
void assay_dq_judge_aggregate(assay_dq_run *run, assay_dq_plan *plan);

/* Slot readers: -1 / false where the metric is not there. */
int64_t assay_dq_slot_int(const assay_dq_plan *plan, int slot);
bool assay_dq_slot_bool(const assay_dq_plan *plan, int slot);
const assay_value *assay_dq_slot_value(const assay_dq_plan *plan, int slot);

void assay_dq_pass(assay_dq_plan *plan);
void assay_dq_miss(assay_dq_run *run, assay_dq_plan *plan, const char *format, ...)
    ASSAY_PRINTF(3, 4);
void assay_dq_break(assay_dq_run *run, assay_dq_plan *plan, int number, const char *format, ...)
    ASSAY_PRINTF(4, 5);
/* A value for people in the run's arena, at most `limit` bytes. Never NULL. */
const char *assay_dq_say(assay_dq_run *run, const assay_value *value);

/* Our own memory being short ends the run (run->failed); the engine's limit is the check's error.
 */
void assay_dq_note_failure(assay_dq_run *run, const assay_error *failure);
/* Its words, without values where columns are pii. */
const char *assay_dq_words(assay_dq_run *run, const assay_error *failure);

/* Details and values; ENOMEM sets run->failed. */
void assay_dq_detail(assay_dq_run *run, assay_dq_plan *plan, const char *key, assay_value *value);
bool assay_dq_value_same(const assay_value *a, const assay_value *b);
bool assay_dq_value_real(const assay_value *value, double *ret_real);

/* ---- compile_*.c: one function a family of kinds, of type assay_dq_compile ---- */

assay_status assay_dq_compile_null(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_between(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_lengths(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_set(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_pattern(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_strftime(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_json(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_not_future(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_expression(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_pair(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_pair_set(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_multicolumn(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_unique(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_distinct(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_distinct_set(assay_dq_run *run, assay_dq_plan *plan,
                                           assay_error *err);
assay_status assay_dq_compile_most_common(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_order(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_deviation(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_aggregate(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_quantile(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_proportion(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_freshness(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_divergence(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_type(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_column_exists(assay_dq_run *run, assay_dq_plan *plan,
                                            assay_error *err);
assay_status assay_dq_compile_column_count(assay_dq_run *run, assay_dq_plan *plan,
                                           assay_error *err);
assay_status assay_dq_compile_columns(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_row_count(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_other_count(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_reference(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_unexpected_rows(assay_dq_run *run, assay_dq_plan *plan,
                                              assay_error *err);
assay_status assay_dq_compile_comparison(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);
assay_status assay_dq_compile_native(assay_dq_run *run, assay_dq_plan *plan, assay_error *err);

/* Which rows are judged by what is missing in the judged columns (ignore_row_if): a SQL predicate,
 * NULL = all. */
ASSAY_NODISCARD assay_status assay_dq_kept(assay_dq_run *run, const assay_dq_plan *plan, bool pair,
                                           const char **ret_kept, assay_error *err);

/* Members of a set as SQL. */
typedef struct assay_dq_set {
    bool null;        /* the argument is null or absent */
    const char *list; /* "a, b, c" */
    size_t count;
    size_t dropped; /* members that no value of the column can be */
} assay_dq_set;
ASSAY_NODISCARD assay_status assay_dq_members(assay_dq_run *run, const assay_dq_plan *plan,
                                              const assay_dq_column *column, const char *name,
                                              assay_dq_set *ret_set, assay_error *err);
/* "value is a member": FALSE for an empty set, never NULL. Sets of more than a few members are
 * hashed: inside an aggregate the engine would compare with one after the other. */
const char *assay_dq_is_member(assay_dq_run *run, const char *value, const assay_dq_set *set);
enum { ASSAY_DQ_SET_SMALL = 4 };
/* Source with one row a key of the judged columns: __dq_k0 .. and __dq_n. */
const char *assay_dq_keys_source(assay_dq_run *run, const assay_dq_plan *plan, const char *kept);

/* ---- run.c: what row rules share with a run of the suite ---- */

/* The columns of request->relation, and an empty table of their shape that everything binds to. */
ASSAY_NODISCARD assay_status assay_dq_open_shape(assay_dq_run *run, assay_error *err);
/* The check of the plan becomes SQL; an error is the check's, ENOMEM the run's. */
ASSAY_NODISCARD assay_status assay_dq_compile_check(assay_dq_run *run, assay_dq_plan *plan,
                                                    assay_error *err);
void assay_dq_close_views(assay_dq_run *run);
ASSAY_NODISCARD assay_status assay_dq_open_report(assay_dq_run *run, assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_check_request(const assay_quality_request *request,
                                                    assay_error *err);
void assay_dq_run_done(assay_dq_run *run);

/* ---- passes.c, evidence.c, watch.c ---- */

ASSAY_NODISCARD assay_status assay_dq_passes_bind(assay_dq_run *run, assay_dq_plan *plan,
                                                  assay_error *err);
/* Computes every metric that plans without a status need. */
ASSAY_NODISCARD assay_status assay_dq_passes_run(assay_dq_run *run, assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_evidence_collect(assay_dq_run *run, assay_dq_plan *plan,
                                                       assay_error *err);
/* SQL with the views replaced by the table's name. */
const char *assay_dq_shown_sql(assay_dq_run *run, const char *sql);

struct assay_dq_watch;
ASSAY_NODISCARD assay_status assay_dq_watch_open(const assay_quality_request *request,
                                                 struct assay_dq_watch **ret_watch,
                                                 assay_error *err);
void assay_dq_watch_closep(struct assay_dq_watch **watch);
/* A query under the limit of time: ETIMEOUT, ECANCELLED instead of the engine's interrupt. */
ASSAY_NODISCARD assay_status assay_dq_watch_query(struct assay_dq_watch *watch, const char *sql,
                                                  size_t limit, assay_arena *arena,
                                                  assay_rows **ret_rows, assay_error *err);

#endif
