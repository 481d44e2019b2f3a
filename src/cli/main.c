#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/session.h"
#include "lib/environment.h"

static int unknown_command(const char *name)
{
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; i < assay_cli_command_count && count < 64; i++)
        names[count++] = assay_cli_commands[i].name;
    const char *nearest = assay_str_nearest(name, names, count);
    (void)fprintf(stderr, "E1005  there is no command '%s'%s%s%s; `assay help` lists them\n", name,
                  nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                  nearest != NULL ? "'" : "");
    return 2;
}

/* Snowflake's driver reads two variables before any code of ours runs, so they must be there when
 * the process begins: it begins anew, once, with the same arguments. What is set already stays. */
static void begin_anew(const assay_cli_options *options, assay_arena *arena, char **all)
{
    const char *const *missing =
        assay_environment_missing(options->project, options->project != NULL, arena);

    if (missing == NULL)
        return;
    for (size_t i = 0; missing[i] != NULL; i++) {
        char *name = assay_arena_text(arena, missing[i]);
        char *value = name != NULL ? strchr(name, '=') : NULL;

        if (value == NULL)
            return;
        *value++ = '\0';
        if (setenv(name, value, 0) != 0)
            return;
    }
    /* Where this fails the program goes on: the driver then works, and looks around more. */
    (void)execv("/proc/self/exe", all);
}

static int run_command(const assay_cli_command *command, int argc, char **argv, char **all)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_cli_options options = {0};
    assay_error err = {0};

    if (arena == NULL)
        return 1;
    if (assay_cli_options_parse(command, argc, argv, arena, &options, &err) != ASSAY_OK)
        return assay_report_failure(&options, &err, NULL);
    if (options.help) {
        assay_cli_help_command(command);
        return 0;
    }
    begin_anew(&options, arena, all);
    return command->run(&options, arena);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";

    assay_signals_block();
    if (assay_str_equal(name, "--help") || assay_str_equal(name, "-h"))
        name = "help";
    else if (assay_str_equal(name, "--version"))
        name = "version";
    const assay_cli_command *command = assay_cli_command_find(name);
    if (command == NULL)
        return unknown_command(name);
    return run_command(command, argc > 1 ? argc - 2 : 0, argv + 2, argv);
}
