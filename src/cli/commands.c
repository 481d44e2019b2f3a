/* The commands: each opens a session, calls one public function, prints what comes back. */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/outlet.h"
#include "cli/session.h"

/* One public function that gives a document. */
typedef assay_status document_call(assay_context *context, const assay_cli_options *options,
                                   char **ret_json, assay_error *err);

/* Opens a session, makes the call, prints the document or the error. `complain`: draws for stderr
 * why the call failed, as JSON says it; NULL = the error of the call is printed. */
static int show_outcome(const assay_cli_options *options, assay_arena *arena, document_call *call,
                        assay_report_draw *draw, assay_report_draw *complain)
{
    assay_cli_session session;
    assay_error err = {0};
    char *json = NULL;
    int code = 0;

    if (!assay_cli_session_open(options, arena, &session, &code))
        return code;
    assay_status status = call(session.context, options, &json, &err);
    bool said = json != NULL && (complain != NULL || options->format == ASSAY_CLI_OUTPUT_JSON);
    if (json != NULL)
        code = assay_report_document(options, json, draw, complain, arena);
    if (status != ASSAY_OK && said)
        code = assay_error_exit_code(&err);
    else if (status != ASSAY_OK)
        code = assay_cli_session_failure(&session, &err);
    assay_cli_session_close(&session);
    return code;
}

static int show_document(const assay_cli_options *options, assay_arena *arena, document_call *call,
                         assay_report_draw *draw)
{
    return show_outcome(options, arena, call, draw, NULL);
}

static int usage(const assay_cli_options *options, const char *message)
{
    assay_error err = {0};

    (void)assay_error_set(&err, ASSAY_EINVAL, 1007, "%s", message);
    return assay_report_failure(options, &err, NULL);
}

static bool parse_count(const char *text, int64_t *ret_value)
{
    return text == NULL || (assay_str_to_int64(text, ret_value) && *ret_value >= 0);
}

static assay_selectors selectors_of(const assay_cli_options *options)
{
    return (assay_selectors){options->arguments.count > 0 ? options->arguments.items : NULL,
                             options->exclude.count > 0 ? options->exclude.items : NULL};
}

/* ---- init ---- */

static int run_init(const assay_cli_options *options, assay_arena *arena)
{
    const char *example = options->arguments.count > 0 ? options->arguments.items[0] : NULL;
    const char *folder = options->arguments.count > 1 ? options->arguments.items[1] : example;
    assay_init_options init = {.directory = options->project != NULL ? options->project : folder,
                               .example = example,
                               .scale = 0.1,
                               .seed = 42,
                               .asof = "2026-11-22"};
    char *json = NULL;
    assay_error err = {0};

    if (init.directory == NULL)
        init.directory = ".";
    if (options->example_scale != NULL && !assay_str_to_double(options->example_scale, &init.scale))
        return usage(options, "--scale is a number such as 0.1");
    if (options->example_seed != NULL && !assay_str_to_int64(options->example_seed, &init.seed))
        return usage(options, "--seed is a whole number");
    init.faults = options->example_faults;
    if (options->example_asof != NULL)
        init.asof = options->example_asof;
    if (assay_init(&init, &json, &err) != ASSAY_OK)
        return assay_report_failure(options, &err, NULL);
    return assay_report_document(options, json, assay_report_draw_init, NULL, arena);
}

/* ---- run, plan ---- */

static bool run_settings(const assay_cli_options *options, assay_override *override,
                         assay_run_settings *settings)
{
    int64_t jobs = 0;

    *settings = (assay_run_settings){.full_refresh = options->full_refresh,
                                     .yes = options->yes,
                                     .fail_fast = options->fail_fast,
                                     .retry = options->retry,
                                     .from = options->from,
                                     .to = options->to,
                                     .lock_wait_ms = -1};
    if (!parse_count(options->jobs, &jobs) || jobs > INT32_MAX)
        return false;
    settings->jobs = (int)jobs;
    if (options->lock_wait != NULL &&
        !assay_str_to_duration_ms(options->lock_wait, &settings->lock_wait_ms))
        return false;
    if (options->override_gate != NULL) {
        *override = (assay_override){options->override_gate, options->reason};
        settings->overrides = override;
        settings->override_count = 1;
    }
    return true;
}

static int run_run(const assay_cli_options *options, assay_arena *arena)
{
    assay_cli_session session;
    assay_override override = {0};
    assay_run_settings settings;
    assay_run_summary summary;
    assay_error err = {0};
    int code = 0;

    if (!run_settings(options, &override, &settings))
        return usage(options, "--jobs is a number, --lock-wait a time such as 10s");
    if (!assay_cli_session_open(options, arena, &session, &code))
        return code;
    const assay_selectors selectors = selectors_of(options);
    assay_status status = assay_run(session.context, &selectors, &settings, assay_progress_listen,
                                    session.progress, &summary, &err);
    int caught = assay_signals_caught(session.signals);
    if (status != ASSAY_OK && summary.steps == 0)
        code = assay_cli_session_failure(&session, &err); /* else each step has said its own */
    else
        code = summary.exit_code;
    if (status != ASSAY_OK && caught != 0)
        code = 128 + caught;
    assay_cli_session_close(&session);
    return code;
}

static assay_status call_plan(assay_context *context, const assay_cli_options *options,
                              char **ret_json, assay_error *err)
{
    const assay_selectors selectors = selectors_of(options);
    assay_override override = {0};
    assay_run_settings settings;

    if (!run_settings(options, &override, &settings))
        return assay_error_set(err, ASSAY_EINVAL, 1006, "--jobs is a number");
    return assay_plan(context, &selectors, &settings, ret_json, err);
}

static int run_plan(const assay_cli_options *options, assay_arena *arena)
{
    return show_outcome(options, arena, call_plan, assay_report_draw_plan,
                        assay_report_draw_plan_problems);
}

/* ---- looking at models and runs ---- */

static assay_status call_models(assay_context *context, const assay_cli_options *options,
                                char **ret_json, assay_error *err)
{
    const assay_selectors selectors = selectors_of(options);

    return assay_models(context, &selectors, ret_json, err);
}

static int run_ls(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_models, assay_report_draw_models);
}

static assay_status call_render(assay_context *context, const assay_cli_options *options,
                                char **ret_json, assay_error *err)
{
    return assay_render(context, options->arguments.items[0], ret_json, err);
}

static int run_render(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_render, assay_report_draw_render);
}

static assay_status call_runs_list(assay_context *context, const assay_cli_options *options,
                                   char **ret_json, assay_error *err)
{
    int64_t limit = 0;

    if (!parse_count(options->limit, &limit))
        return assay_error_set(err, ASSAY_EINVAL, 1006, "--limit is a number");
    return assay_runs_list(context, limit, ret_json, err);
}

static assay_status call_runs_show(assay_context *context, const assay_cli_options *options,
                                   char **ret_json, assay_error *err)
{
    const char *run = options->arguments.count > 1 ? options->arguments.items[1] : "last";

    return assay_runs_show(context, run, ret_json, err);
}

static int run_runs(const assay_cli_options *options, assay_arena *arena)
{
    const char *what = options->arguments.count > 0 ? options->arguments.items[0] : "list";

    if (assay_str_equal(what, "show"))
        return show_document(options, arena, call_runs_show, assay_report_draw_run);
    if (assay_str_equal(what, "list"))
        return show_document(options, arena, call_runs_list, assay_report_draw_runs);
    return usage(options, "usage: assay runs [list | show RUN] [--limit N]");
}

static assay_status call_doctor(assay_context *context, const assay_cli_options *options,
                                char **ret_json, assay_error *err)
{
    (void)options;
    return assay_doctor(context, ret_json, err);
}

static int run_doctor(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_doctor, assay_report_draw_doctor);
}

/* ---- check, load ---- */

static assay_status call_check(assay_context *context, const assay_cli_options *options,
                               char **ret_json, assay_error *err)
{
    const assay_selectors selectors = selectors_of(options);
    const assay_check_options check = {.select = selectors.select,
                                       .exclude = selectors.exclude,
                                       .result_format = options->result_format,
                                       .index_columns = options->index_columns.count > 0
                                                            ? options->index_columns.items
                                                            : NULL};

    return assay_check(context, &check, ret_json, err);
}

static int run_check(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_check, assay_report_draw_checks);
}

/* ---- quarantine ---- */

static const char *quarantine_table(const assay_cli_options *options)
{
    return options->arguments.count > 1 ? options->arguments.items[1] : NULL;
}

static assay_status call_quarantine_list(assay_context *context, const assay_cli_options *options,
                                         char **ret_json, assay_error *err)
{
    return assay_quarantine_list(context, quarantine_table(options), ret_json, err);
}

static assay_status call_quarantine_show(assay_context *context, const assay_cli_options *options,
                                         char **ret_json, assay_error *err)
{
    assay_quarantine_options quarantine = {.run = options->run};

    if (!parse_count(options->limit, &quarantine.limit))
        return assay_error_set(err, ASSAY_EINVAL, 1006, "--limit is a number");
    return assay_quarantine_show(context, quarantine_table(options), &quarantine, ret_json, err);
}

static assay_status call_quarantine_replay(assay_context *context, const assay_cli_options *options,
                                           char **ret_json, assay_error *err)
{
    const assay_quarantine_options quarantine = {.run = options->run};

    return assay_quarantine_replay(context, quarantine_table(options), &quarantine, ret_json, err);
}

static int run_quarantine(const assay_cli_options *options, assay_arena *arena)
{
    const char *what = options->arguments.count > 0 ? options->arguments.items[0] : "list";
    bool named = quarantine_table(options) != NULL;

    if (assay_str_equal(what, "list"))
        return show_document(options, arena, call_quarantine_list, assay_report_draw_quarantine);
    if (assay_str_equal(what, "show") && named)
        return show_document(options, arena, call_quarantine_show, assay_report_draw_rows);
    if (assay_str_equal(what, "replay") && named)
        return show_document(options, arena, call_quarantine_replay, assay_report_draw_replay);
    return usage(options, "usage: assay quarantine [list [TABLE] | show TABLE | replay TABLE] "
                          "[--run RUN] [--limit N]");
}

static void print_loaded(const assay_cli_options *options, const assay_write_result *result)
{
    const char *table = options->arguments.items[1];

    if (options->format == ASSAY_CLI_OUTPUT_JSON)
        printf("{\"schema_version\": 1, \"kind\": \"load\", \"rows\": %" PRId64
               ", \"bytes\": %" PRId64 ", \"files\": %" PRId64 ", \"added\": %" PRId64
               ", \"updated\": %" PRId64 ", \"removed\": %" PRId64 ", \"quarantined\": %" PRId64
               ", \"snapshot_id\": %" PRId64 ", \"verdict\": \"%s\"}\n",
               result->rows, result->bytes, result->files, result->added, result->updated,
               result->removed, result->quarantined, result->snapshot_id, result->verdict);
    else if (result->snapshot_id < 0)
        printf("%s: no %s, nothing committed\n", table,
               assay_str_equal(options->mode, "merge") ? "changes" : "rows");
    else if (result->updated >= 0)
        printf("%s: +%" PRId64 " ~%" PRId64 " -%" PRId64 ", %" PRId64 " bytes, snapshot %" PRId64
               ", %s\n",
               table, result->added, result->updated, result->removed, result->bytes,
               result->snapshot_id, result->verdict);
    else
        printf("%s: %" PRId64 " rows, %" PRId64 " bytes, snapshot %" PRId64 ", %s\n", table,
               result->rows, result->bytes, result->snapshot_id, result->verdict);
    if (options->format != ASSAY_CLI_OUTPUT_JSON && result->quarantined > 0)
        printf("%s: %" PRId64 " rows quarantined\n", table, result->quarantined);
}

static bool read_write_mode(const char *text, assay_write_mode *ret_mode)
{
    static const struct {
        const char *name;
        assay_write_mode mode;
    } MODES[] = {{"append", ASSAY_WRITE_APPEND},
                 {"full", ASSAY_WRITE_FULL},
                 {"merge", ASSAY_WRITE_MERGE},
                 {"replace_partitions", ASSAY_WRITE_REPLACE_PARTITIONS}};

    *ret_mode = ASSAY_WRITE_APPEND;
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++)
        if (assay_str_equal(text, MODES[i].name)) {
            *ret_mode = MODES[i].mode;
            return true;
        }
    return text == NULL;
}

static const char *const *list_or_null(const assay_cli_list *list)
{
    return list->count > 0 ? list->items : NULL;
}

static int run_load(const assay_cli_options *options, assay_arena *arena)
{
    assay_write_options write = {.partition_by = list_or_null(&options->partition_by),
                                 .key = list_or_null(&options->key),
                                 .version = options->version,
                                 .delete_when = options->delete_when,
                                 .soft_delete = options->soft_delete};
    assay_write_result result;
    assay_cli_session session;
    assay_error err = {0};
    int code = 0;

    if (!read_write_mode(options->mode, &write.mode))
        return usage(options, "--mode is append, full, merge or replace_partitions");
    if (!assay_cli_session_open(options, arena, &session, &code))
        return code;
    assay_status status = assay_table_load_file(session.context, options->arguments.items[0],
                                                options->arguments.items[1], &write, &result, &err);
    if (status == ASSAY_OK)
        print_loaded(options, &result);
    else
        code = assay_cli_session_failure(&session, &err);
    assay_cli_session_close(&session);
    return code;
}

/* ---- publish ---- */

static assay_status call_publish(assay_context *context, const assay_cli_options *options,
                                 char **ret_json, assay_error *err)
{
    const assay_selectors selectors = selectors_of(options);
    const assay_publish_options publish = {.select = selectors.select,
                                           .exclude = selectors.exclude,
                                           .connection = options->to,
                                           .pending = options->pending,
                                           .verify = options->verify,
                                           .dry_run = options->dry_run};

    if (options->verify && (options->pending || options->dry_run))
        return assay_error_set(err, ASSAY_EINVAL, 1006,
                               "--verify goes with neither --pending nor --dry-run");
    return assay_publish_models(context, &publish, ret_json, err);
}

static int run_publish(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_publish,
                         options->verify ? assay_report_draw_verified
                                         : assay_report_draw_published);
}

/* ---- query, show ---- */

enum { SHOWN_ROWS = 20 };

static bool is_file_format(const assay_cli_options *options)
{
    return options->output != NULL && !assay_str_equal(options->output, "text") &&
           !assay_str_equal(options->output, "json");
}

/* Rows as CSV on stdout; no document is left to print. */
static assay_status query_to_stdout(assay_context *context, const char *sql,
                                    assay_query_options *query_options, assay_error *err)
{
    assay_outlet *outlet = NULL;
    char *json = NULL;

    ASSAY_TRY(assay_outlet_open(&outlet, err));
    query_options->file = assay_outlet_path(outlet);
    assay_status status = assay_query(context, sql, query_options, &json, err);
    assay_text_free(json);
    assay_error problem = {0};
    assay_status closed = assay_outlet_close(outlet, &problem);
    if (status == ASSAY_OK && closed != ASSAY_OK)
        return assay_error_copy(err, &problem);
    return status;
}

static assay_status query(assay_context *context, const assay_cli_options *options, const char *sql,
                          bool shown, char **ret_json, assay_error *err)
{
    assay_query_options query_options = {.at = options->at,
                                         .limit = shown ? SHOWN_ROWS : 0,
                                         .hide_pii = shown};

    if (!parse_count(options->limit, &query_options.limit))
        return assay_error_set(err, ASSAY_EINVAL, 1006, "--limit is a number");
    if (is_file_format(options) && options->file == NULL) {
        if (!assay_str_equal(options->output, "csv") && !assay_str_equal(options->output, "arrow"))
            return assay_error_set(err, ASSAY_EINVAL, 1006, "--output %s needs --file PATH",
                                   options->output);
        query_options.format = options->output;
        return query_to_stdout(context, sql, &query_options, err);
    }
    query_options.file = options->file;
    if (options->file != NULL)
        query_options.format = options->output != NULL ? options->output : "csv";
    return assay_query(context, sql, &query_options, ret_json, err);
}

static assay_status call_query(assay_context *context, const assay_cli_options *options,
                               char **ret_json, assay_error *err)
{
    return query(context, options, options->arguments.items[0], false, ret_json, err);
}

static int run_query(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_query, assay_report_draw_rows);
}

static assay_status call_show(assay_context *context, const assay_cli_options *options,
                              char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&sql, "SELECT * FROM %s", options->arguments.items[0]);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return query(context, options, assay_buf_text(&sql), true, ret_json, err);
}

static int run_show(const assay_cli_options *options, assay_arena *arena)
{
    return show_document(options, arena, call_show, assay_report_draw_rows);
}

/* ---- table ---- */

static const char *second_argument(const assay_cli_options *options)
{
    return options->arguments.count > 1 ? options->arguments.items[1] : NULL;
}

static assay_status call_table_list(assay_context *context, const assay_cli_options *options,
                                    char **ret_json, assay_error *err)
{
    (void)options;
    return assay_table_list(context, ret_json, err);
}

static assay_status call_table_show(assay_context *context, const assay_cli_options *options,
                                    char **ret_json, assay_error *err)
{
    return assay_table_show(context, second_argument(options), ret_json, err);
}

static assay_status call_table_history(assay_context *context, const assay_cli_options *options,
                                       char **ret_json, assay_error *err)
{
    return assay_table_history(context, second_argument(options), ret_json, err);
}

static assay_status call_table_expire(assay_context *context, const assay_cli_options *options,
                                      char **ret_json, assay_error *err)
{
    return assay_table_expire(context, second_argument(options), ret_json, err);
}

static assay_status call_table_rollback(assay_context *context, const assay_cli_options *options,
                                        char **ret_json, assay_error *err)
{
    int64_t snapshot = 0;

    if (!assay_str_to_int64(options->arguments.items[2], &snapshot))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no snapshot id",
                               options->arguments.items[2]);
    return assay_table_rollback(context, second_argument(options), snapshot, ret_json, err);
}

struct table_verb {
    const char *name;
    size_t min_arguments, max_arguments; /* behind the verb */
    document_call *call;
    assay_report_draw *draw;
};

static const struct table_verb VERBS[] = {
    {"list", 0, 0, call_table_list, assay_report_draw_tables},
    {"show", 1, 1, call_table_show, assay_report_draw_table},
    {"history", 1, 1, call_table_history, assay_report_draw_history},
    {"expire", 0, 1, call_table_expire, assay_report_draw_expire},
    {"rollback", 2, 2, call_table_rollback, assay_report_draw_rollback},
};

static int run_table(const assay_cli_options *options, assay_arena *arena)
{
    size_t behind = options->arguments.count - 1;

    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (assay_str_equal(VERBS[i].name, options->arguments.items[0]) &&
            behind >= VERBS[i].min_arguments && behind <= VERBS[i].max_arguments)
            return show_document(options, arena, VERBS[i].call, VERBS[i].draw);
    return usage(options, "usage: assay table list | show TABLE | history TABLE | expire [TABLE] | "
                          "rollback TABLE SNAPSHOT");
}

/* ---- explain, completion, version, help ---- */

static int run_explain(const assay_cli_options *options, assay_arena *arena)
{
    const char *text = options->arguments.items[0];
    int64_t number = 0;

    (void)arena;
    if (text[0] == 'E' || text[0] == 'e')
        text++;
    if (!assay_str_to_int64(text, &number) || number > INT32_MAX ||
        assay_error_title((int)number) == NULL)
        return usage(options, "there is no such error number; they look like E2105");
    printf("E%d  %s\n\n%s\n", (int)number, assay_error_title((int)number),
           assay_error_explanation((int)number));
    return 0;
}

static int run_completion(const assay_cli_options *options, assay_arena *arena)
{
    (void)arena;
    if (assay_str_equal(options->arguments.items[0], "man")) {
        assay_cli_help_man();
        return 0;
    }
    if (assay_cli_completion_print(options->arguments.items[0]))
        return 0;
    return usage(options, "usage: assay completion bash | zsh | fish | man");
}

static int run_version(const assay_cli_options *options, assay_arena *arena)
{
    (void)arena;
    if (options->format == ASSAY_CLI_OUTPUT_JSON)
        printf("{\"schema_version\": 1, \"assay\": \"%s\", \"duckdb\": \"%s\"}\n", assay_version(),
               assay_version_engine());
    else
        printf("assay %s (DuckDB %s)\n", assay_version(), assay_version_engine());
    return 0;
}

static int run_help(const assay_cli_options *options, assay_arena *arena)
{
    const assay_cli_command *command =
        options->arguments.count > 0 ? assay_cli_command_find(options->arguments.items[0]) : NULL;

    (void)arena;
    if (command == NULL && options->arguments.count > 0)
        return usage(options, "there is no such command; `assay help` lists them");
    if (command != NULL)
        assay_cli_help_command(command);
    else
        assay_cli_help_print();
    return 0;
}

static const size_t MANY = ASSAY_CLI_ARGUMENTS_MAX;

const assay_cli_command assay_cli_commands[] = {
    {"init", "[EXAMPLE [FOLDER]]", "make a project: a small empty one, or the example `retail`",
     "Without an example the project is made in -C DIR or the working folder. The example's "
     "sources "
     "are made by the engine; equal --scale, --seed and --asof give equal bytes.",
     0, 2, run_init},
    {"run", "[SELECTOR...]", "run the selected models, or all",
     "Every table is written beside what is published, tested, and only then becomes visible.", 0,
     MANY, run_run},
    {"plan", "[SELECTOR...]", "say what a run would do and why", NULL, 0, MANY, run_plan},
    {"runs", "[list | show RUN]", "the history of runs", NULL, 0, 2, run_runs},
    {"check", "[SELECTOR...]", "run the suites on what is published", NULL, 0, MANY, run_check},
    {"quarantine", "[list [TABLE] | show TABLE | replay TABLE]",
     "rows that broke a rule: count, see, send through again",
     "replay sends rows through the same rules after a fix; those that pass enter the table once, "
     "the others stay.",
     0, 2, run_quarantine},
    {"publish", "[SELECTOR...]", "publish tables to outside databases, or compare both sides",
     "The newest snapshots of the selected models go where their `publish:` says, exactly once: "
     "what is there already is left alone. `assay run` does the same after each commit.",
     0, MANY, run_publish},
    {"load", "FILE TABLE", "load a file into a table through its gate", NULL, 2, 2, run_load},
    {"query", "SQL", "run a query over the tables", NULL, 1, 1, run_query},
    {"show", "TABLE", "the first rows of a table", NULL, 1, 1, run_show},
    {"ls", "[SELECTOR...]", "list models", NULL, 0, MANY, run_ls},
    {"render", "MODEL", "the SQL and the columns of a model", NULL, 1, 1, run_render},
    {"table", "VERB [TABLE]", "list, show, history, expire, rollback", NULL, 1, 3, run_table},
    {"doctor", "", "look at everything that a run needs", NULL, 0, 0, run_doctor},
    {"explain", "CODE", "say more of an error number", NULL, 1, 1, run_explain},
    {"completion", "SHELL", "completion for bash, zsh or fish; man: the man page", NULL, 1, 1,
     run_completion},
    {"version", "", "versions of assay and its engine", NULL, 0, 0, run_version},
    {"help", "[COMMAND]", "this help", NULL, 0, 1, run_help},
};
const size_t assay_cli_command_count = sizeof assay_cli_commands / sizeof assay_cli_commands[0];
