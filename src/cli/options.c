#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_LIST };

struct option_row {
    const char *name;
    char letter;       /* 0 = none */
    const char *value; /* name of the value in --help; NULL for flags */
    const char *help;
    enum option_kind kind;
    size_t offset;        /* of the member of assay_cli_options */
    const char *commands; /* ",run,plan,"; NULL = all */
};

#define FIELD(member) offsetof(assay_cli_options, member)

static const struct option_row OPTIONS[] = {
    {"project", 'C', "DIR", "project folder (default: the nearest assay.yaml upwards)", OPTION_TEXT,
     FIELD(project), NULL},
    {"target", 0, "NAME", "target of assay.yaml (default: $ASSAY_TARGET, else the first)",
     OPTION_TEXT, FIELD(target), NULL},
    {"output", 'o', "FORMAT", "text or json; query also csv, parquet, arrow", OPTION_TEXT,
     FIELD(output), NULL},
    {"quiet", 'q', NULL, "only results and errors", OPTION_FLAG, FIELD(quiet), NULL},
    {"verbose", 'v', NULL, "log what is done", OPTION_FLAG, FIELD(verbose), NULL},
    {"no-color", 0, NULL, "no colours (also NO_COLOR)", OPTION_FLAG, FIELD(no_color), NULL},
    {"help", 'h', NULL, "this help", OPTION_FLAG, FIELD(help), NULL},
    {"memory-limit", 0, "SIZE", "memory of the whole process, such as 4GB", OPTION_TEXT,
     FIELD(memory_limit), NULL},
    {"now", 0, "TIME", "the clock that models see", OPTION_TEXT, FIELD(now), ",run,plan,check,"},
    {"exclude", 0, "SELECTOR", "leave these out (may be repeated)", OPTION_LIST, FIELD(exclude),
     ",run,plan,check,publish,ls,"},
    {"full-refresh", 0, NULL, "build the selected tables from scratch", OPTION_FLAG,
     FIELD(full_refresh), ",run,plan,"},
    {"yes", 0, NULL, "allow --full-refresh of what is fed by files or keeps history", OPTION_FLAG,
     FIELD(yes), ",run,plan,"},
    {"from", 0, "TIME", "value of $since in models that ask for it", OPTION_TEXT, FIELD(from),
     ",run,plan,"},
    {"to", 0, "TIME", "value of $until", OPTION_TEXT, FIELD(to), ",run,plan,"},
    {"to", 0, "CONNECTION", "only to this connection", OPTION_TEXT, FIELD(to), ",publish,"},
    {"pending", 0, NULL, "only what is not known to be there yet", OPTION_FLAG, FIELD(pending),
     ",publish,"},
    {"verify", 0, NULL, "compare both sides instead of publishing", OPTION_FLAG, FIELD(verify),
     ",publish,"},
    {"dry-run", 0, NULL, "only say what would be published", OPTION_FLAG, FIELD(dry_run),
     ",publish,"},
    {"retry", 0, NULL, "only what failed or was skipped in the last run", OPTION_FLAG, FIELD(retry),
     ",run,"},
    {"jobs", 'j', "N", "steps at once", OPTION_TEXT, FIELD(jobs), ",run,"},
    {"fail-fast", 0, NULL, "the first failed step ends the run", OPTION_FLAG, FIELD(fail_fast),
     ",run,"},
    {"keep-going", 0, NULL, "run what does not depend on a failed step (default)", OPTION_FLAG,
     FIELD(keep_going), ",run,"},
    {"lock-wait", 0, "TIME", "how long to wait for a table's lock (default 10s)", OPTION_TEXT,
     FIELD(lock_wait), ",run,"},
    {"override-gate", 0, "CHECK", "open this check once; needs --reason", OPTION_TEXT,
     FIELD(override_gate), ",run,"},
    {"reason", 0, "TEXT", "why the gate is overridden", OPTION_TEXT, FIELD(reason), ",run,"},
    {"scale", 0, "S", "size of the example, 1 = 100,000 orders", OPTION_TEXT, FIELD(example_scale),
     ",init,"},
    {"seed", 0, "N", "seed of the example's values", OPTION_TEXT, FIELD(example_seed), ",init,"},
    {"asof", 0, "DATE", "day of the example's export", OPTION_TEXT, FIELD(example_asof), ",init,"},
    {"faults", 0, NULL, "with faulty files; faults.json says where they are", OPTION_FLAG,
     FIELD(example_faults), ",init,"},
    {"at", 0, "SNAPSHOT|TIME", "the tables as they were", OPTION_TEXT, FIELD(at), ",query,show,"},
    {"limit", 'n', "N", "rows to show", OPTION_TEXT, FIELD(limit), ",query,show,runs,quarantine,"},
    {"run", 0, "RUN", "rows of this run alone", OPTION_TEXT, FIELD(run), ",quarantine,"},
    {"file", 'f', "PATH", "write the rows to a file", OPTION_TEXT, FIELD(file), ",query,"},
    {"mode", 0, "MODE", "append (default), full, merge or replace_partitions", OPTION_TEXT,
     FIELD(mode), ",load,"},
    {"key", 0, "COLUMN", "merge: tells rows apart (may be repeated; default: the model's)",
     OPTION_LIST, FIELD(key), ",load,"},
    {"version", 0, "COLUMN", "merge: the highest value wins", OPTION_TEXT, FIELD(version),
     ",load,"},
    {"delete-when", 0, "CONDITION", "merge: rows that delete the row of their key", OPTION_TEXT,
     FIELD(delete_when), ",load,"},
    {"soft-delete", 0, NULL, "merge: deleted rows stay, marked", OPTION_FLAG, FIELD(soft_delete),
     ",load,"},
    {"partition-by", 0, "EXPR", "month(day), country .. (may be repeated)", OPTION_LIST,
     FIELD(partition_by), ",load,"},
    {"result-format", 0, "FORMAT", "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE", OPTION_TEXT,
     FIELD(result_format), ",check,"},
    {"index-column", 0, "NAME", "column that names unexpected rows (may be repeated)", OPTION_LIST,
     FIELD(index_columns), ",check,"},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static bool applies(const struct option_row *row, const assay_cli_command *command)
{
    char key[64];

    if (row->commands == NULL)
        return true;
    (void)snprintf(key, sizeof key, ",%s,", command->name);
    return assay_str_contains(row->commands, key);
}

const assay_cli_command *assay_cli_command_find(const char *name)
{
    for (size_t i = 0; i < assay_cli_command_count; i++)
        if (assay_str_equal(assay_cli_commands[i].name, name))
            return &assay_cli_commands[i];
    return NULL;
}

/* ---- parsing ---- */

static assay_status append(assay_cli_list *list, const char *item, assay_error *err)
{
    if (list->count + 1 >= ASSAY_CLI_ARGUMENTS_MAX)
        return assay_error_set(err, ASSAY_EINVAL, 1007, "more than %d arguments",
                               ASSAY_CLI_ARGUMENTS_MAX);
    list->items[list->count++] = item;
    return ASSAY_OK;
}

static assay_status unknown_option(const assay_cli_command *command, const char *name,
                                   assay_error *err)
{
    const char *names[OPTION_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (applies(&OPTIONS[i], command))
            names[count++] = OPTIONS[i].name;
    const char *nearest = assay_str_nearest(name, names, count);
    if (nearest != NULL)
        return assay_error_set(err, ASSAY_EINVAL, 1005,
                               "'assay %s' has no option '--%s'; did you mean '--%s'?",
                               command->name, name, nearest);
    return assay_error_set(err, ASSAY_EINVAL, 1005, "'assay %s' has no option '%s%s'",
                           command->name, name[0] == '-' ? "" : "--", name);
}

static const struct option_row *find_long(const assay_cli_command *command, const char *name,
                                          size_t length)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(OPTIONS[i].name) == length && strncmp(OPTIONS[i].name, name, length) == 0 &&
            applies(&OPTIONS[i], command))
            return &OPTIONS[i];
    return NULL;
}

static const struct option_row *find_short(const assay_cli_command *command, char letter)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (OPTIONS[i].letter == letter && applies(&OPTIONS[i], command))
            return &OPTIONS[i];
    return NULL;
}

static assay_status store(assay_cli_options *options, const struct option_row *row,
                          const char *value, assay_error *err)
{
    char *member = (char *)options + row->offset;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)(void *)member = true;
        return ASSAY_OK;
    case OPTION_TEXT:
        *(const char **)(void *)member = value;
        return ASSAY_OK;
    case OPTION_LIST:
        return append((assay_cli_list *)(void *)member, value, err);
    }
    return ASSAY_OK;
}

/* Takes argv[*index] and, where the option needs one, the value behind it. */
static assay_status take_option(const assay_cli_command *command, int argc, char **argv, int *index,
                                assay_cli_options *options, assay_error *err)
{
    const char *word = argv[*index];
    const struct option_row *row = NULL;
    const char *value = NULL;

    if (word[1] == '-') {
        value = strchr(word, '=');
        size_t length = value != NULL ? (size_t)(value - word) - 2 : strlen(word) - 2;
        row = find_long(command, word + 2, length);
        value = value != NULL ? value + 1 : NULL;
    } else {
        row = find_short(command, word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (row == NULL)
        return unknown_option(command, word[1] == '-' ? word + 2 : word, err);
    if (row->kind == OPTION_FLAG && value != NULL)
        return assay_error_set(err, ASSAY_EINVAL, 1006, "option '--%s' takes no value", row->name);
    if (row->kind != OPTION_FLAG && value == NULL) {
        if (*index + 1 >= argc)
            return assay_error_set(err, ASSAY_EINVAL, 1006, "option '--%s' needs a value %s",
                                   row->name, row->value);
        value = argv[++*index];
    }
    return store(options, row, value, err);
}

static assay_status make_lists(assay_cli_options *options, assay_arena *arena, assay_error *err)
{
    assay_cli_list *const lists[] = {&options->exclude, &options->partition_by,
                                     &options->index_columns, &options->arguments, &options->key};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        lists[i]->items = assay_arena_take(arena, ASSAY_CLI_ARGUMENTS_MAX, sizeof(char *));
        ASSAY_TRY(assay_arena_check(lists[i]->items, err));
    }
    return ASSAY_OK;
}

static assay_status check_format(const assay_cli_command *command, assay_cli_options *options,
                                 assay_error *err)
{
    static const char *const QUERY_FORMATS[] = {"csv", "parquet", "arrow"};

    if (options->output == NULL || assay_str_equal(options->output, "text"))
        return ASSAY_OK;
    if (assay_str_equal(options->output, "json")) {
        options->format = ASSAY_CLI_OUTPUT_JSON;
        return ASSAY_OK;
    }
    if (assay_str_equal(command->name, "query"))
        for (size_t i = 0; i < sizeof QUERY_FORMATS / sizeof QUERY_FORMATS[0]; i++)
            if (assay_str_equal(options->output, QUERY_FORMATS[i]))
                return ASSAY_OK;
    return assay_error_set(err, ASSAY_EINVAL, 1006, "'assay %s' has no output format '%s'",
                           command->name, options->output);
}

assay_status assay_cli_options_parse(const assay_cli_command *command, int argc, char **argv,
                                     assay_arena *arena, assay_cli_options *ret_options,
                                     assay_error *err)
{
    assay_cli_options options = {0};
    bool only_arguments = false;

    ASSAY_TRY(make_lists(&options, arena, err));
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0)
            only_arguments = true;
        else if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0')
            ASSAY_TRY(take_option(command, argc, argv, &i, &options, err));
        else
            ASSAY_TRY(append(&options.arguments, argv[i], err));
    }
    ASSAY_TRY(check_format(command, &options, err));
    size_t count = options.arguments.count;
    if (!options.help && (count < command->min_arguments || count > command->max_arguments))
        return assay_error_set(err, ASSAY_EINVAL, 1007, "usage: assay %s %s", command->name,
                               command->arguments);
    *ret_options = options;
    return ASSAY_OK;
}

/* ---- help ---- */

void assay_cli_help_print(void)
{
    printf("assay: medallion pipelines whose every table is tested before it becomes visible\n\n"
           "usage: assay COMMAND [ARGUMENT...] [OPTION...]\n\n");
    for (size_t i = 0; i < assay_cli_command_count; i++)
        printf("  %-12s %s\n", assay_cli_commands[i].name, assay_cli_commands[i].summary);
    printf("\n`assay COMMAND --help` says more. Exit codes: 0 done, 1 a step failed, 2 usage or\n"
           "configuration, 3 a gate stopped publication, 4 an outside system is unavailable,\n"
           "5 internal error, 6 locked by another process, 130 interrupted.\n");
}

static void print_option(const struct option_row *row)
{
    char left[64];

    (void)snprintf(left, sizeof left, "--%s%s%s", row->name, row->value != NULL ? " " : "",
                   row->value != NULL ? row->value : "");
    if (row->letter != 0)
        printf("  -%c, %-28s %s\n", row->letter, left, row->help);
    else
        printf("      %-28s %s\n", left, row->help);
}

void assay_cli_help_command(const assay_cli_command *command)
{
    printf("usage: assay %s %s [OPTION...]\n\n%s\n", command->name, command->arguments,
           command->summary);
    if (command->details != NULL)
        printf("\n%s\n", command->details);
    printf("\noptions:\n");
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (applies(&OPTIONS[i], command) && (OPTIONS[i].commands != NULL) == (own == 1))
                print_option(&OPTIONS[i]);
}

void assay_cli_help_man(void)
{
    printf(
        ".TH ASSAY 1\n.SH NAME\nassay \\- medallion pipelines, tested before they are published\n"
        ".SH SYNOPSIS\n.B assay\nCOMMAND [ARGUMENT...] [OPTION...]\n.SH COMMANDS\n");
    for (size_t i = 0; i < assay_cli_command_count; i++) {
        const assay_cli_command *command = &assay_cli_commands[i];
        printf(".TP\n.B %s\n%s\n%s.\n", command->name, command->arguments, command->summary);
        if (command->details != NULL)
            printf("%s\n", command->details);
    }
    printf(".SH OPTIONS\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf(".TP\n.B \\-\\-%s%s%s\n%s\n", OPTIONS[i].name, OPTIONS[i].value != NULL ? " " : "",
               OPTIONS[i].value != NULL ? OPTIONS[i].value : "", OPTIONS[i].help);
}

/* ---- completion ---- */

static void print_words(const assay_cli_command *command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (applies(&OPTIONS[i], command))
            printf(" --%s", OPTIONS[i].name);
}

static void print_bash(void)
{
    printf("_assay() {\n    local words=\"\"\n    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; i < assay_cli_command_count; i++) {
        printf("    %s) words=\"", assay_cli_commands[i].name);
        print_words(&assay_cli_commands[i]);
        printf("\" ;;\n");
    }
    printf("    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
    for (size_t i = 0; i < assay_cli_command_count; i++)
        printf(" %s", assay_cli_commands[i].name);
    printf(
        "\"; fi\n    COMPREPLY=( $(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\") )\n}\n"
        "complete -o default -F _assay assay\n");
}

static void print_fish(void)
{
    for (size_t i = 0; i < assay_cli_command_count; i++)
        printf("complete -c assay -n __fish_use_subcommand -a %s -d '%s'\n",
               assay_cli_commands[i].name, assay_cli_commands[i].summary);
    for (size_t i = 0; i < assay_cli_command_count; i++)
        for (size_t k = 0; k < OPTION_COUNT; k++)
            if (applies(&OPTIONS[k], &assay_cli_commands[i]))
                printf("complete -c assay -n '__fish_seen_subcommand_from %s' -l %s\n",
                       assay_cli_commands[i].name, OPTIONS[k].name);
}

bool assay_cli_completion_print(const char *shell)
{
    if (assay_str_equal(shell, "fish")) {
        print_fish();
        return true;
    }
    if (assay_str_equal(shell, "zsh"))
        printf("autoload -U +X bashcompinit && bashcompinit\n");
    else if (!assay_str_equal(shell, "bash"))
        return false;
    print_bash();
    return true;
}
