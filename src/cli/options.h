/* The command line as a table: every command and option is one row, from which parsing, --help,
 * the man page and completion are made. */
#ifndef ASSAY_CLI_OPTIONS_H
#define ASSAY_CLI_OPTIONS_H

#include "base/arena.h"

enum { ASSAY_CLI_ARGUMENTS_MAX = 1000 };

typedef enum assay_cli_output { ASSAY_CLI_OUTPUT_TEXT, ASSAY_CLI_OUTPUT_JSON } assay_cli_output;

/* A list of texts, NULL-terminated once parsed. */
typedef struct assay_cli_list {
    const char **items;
    size_t count;
} assay_cli_list;

/* What the user typed. Texts belong to argv or to the arena. */
typedef struct assay_cli_options {
    const char *project, *target, *output, *memory_limit, *now;
    bool quiet, verbose, no_color, help;
    assay_cli_list exclude, partition_by, index_columns, key;
    const char *example_scale, *example_seed, *example_asof;
    bool example_faults;
    const char *from, *to, *jobs, *lock_wait, *override_gate, *reason;
    bool full_refresh, yes, retry, fail_fast, keep_going;
    bool pending, verify, dry_run;
    const char *at, *limit, *mode, *run, *result_format, *file;
    const char *version, *delete_when; /* load --mode merge */
    bool soft_delete;
    assay_cli_list arguments; /* what is no option */
    assay_cli_output format;  /* of `output` where it is text or json */
} assay_cli_options;

typedef struct assay_cli_command {
    const char *name;
    const char *arguments; /* "SELECTOR..." for the synopsis */
    const char *summary;   /* one line */
    const char *details;   /* paragraph for --help and the man page; may be NULL */
    size_t min_arguments, max_arguments;
    int (*run)(const assay_cli_options *options, assay_arena *arena);
} assay_cli_command;

/* All commands, in the order of --help. */
extern const assay_cli_command assay_cli_commands[];
extern const size_t assay_cli_command_count;

/* The command of that name, or NULL. */
const assay_cli_command *assay_cli_command_find(const char *name);

/* Parses what follows the command's name. EINVAL 1005 (unknown option, nearest named), 1006 (value
 * missing), 1007 (number of arguments). */
ASSAY_NODISCARD assay_status assay_cli_options_parse(const assay_cli_command *command, int argc,
                                                     char **argv, assay_arena *arena,
                                                     assay_cli_options *ret_options,
                                                     assay_error *err);

/* Prints to stdout: the list of commands; one command; the man page (roff); a completion script. */
void assay_cli_help_print(void);
void assay_cli_help_command(const assay_cli_command *command);
void assay_cli_help_man(void);
/* False where the shell is none of bash, zsh, fish. */
bool assay_cli_completion_print(const char *shell);

#endif
