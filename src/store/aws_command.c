/* credential_process: a command that the user's profile names. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/aws.h"

enum { OUTPUT_MAX = 64 * 1024, PIECE_SIZE = 4096 };

extern char **environ;

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static assay_status start(const char *command, int output, pid_t *ret_pid, assay_error *err)
{
    char shell[] = "sh", option[] = "-c";
    char *copy = NULL;
    posix_spawn_file_actions_t actions;

    memcpy(&copy, &command, sizeof copy); /* posix_spawn does not write to its arguments */
    char *const arguments[] = {shell, option, copy, NULL};
    if (posix_spawn_file_actions_init(&actions) != 0)
        return assay_error_nomem(err);
    int failed = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawn(ret_pid, "/bin/sh", &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? ASSAY_OK
                       : assay_error_errno(err, failed, "cannot start the credential_process");
}

/* False where the time passed or too much came. */
static bool read_all(int input, int timeout_ms, assay_buf *output)
{
    const assay_clock clock = assay_clock_system();
    int64_t until = clock.monotonic_us(clock.user) + (int64_t)timeout_ms * 1000;
    char piece[PIECE_SIZE];

    for (;;) {
        struct pollfd wait = {.fd = input, .events = POLLIN};
        int64_t left_ms = (until - clock.monotonic_us(clock.user)) / 1000;
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        ssize_t got = read(input, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        assay_buf_append(output, piece, (size_t)got);
        if (output->failed || output->size > OUTPUT_MAX)
            return false;
    }
}

assay_status assay_aws_command(const char *command, int timeout_ms, assay_buf *output,
                               assay_error *err)
{
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    int result = 0;

    if (pipe(ends) != 0)
        return assay_error_errno(err, errno, "cannot make a pipe");
    ASSAY_AUTO(close_file) int input = ends[0];
    assay_status status = start(command, ends[1], &pid, err);
    (void)close(ends[1]);
    ASSAY_TRY(status);
    bool whole = read_all(input, timeout_ms, output);
    if (!whole)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
        continue;
    if (!whole)
        return assay_error_set(
            err, ASSAY_EAUTH, 1264,
            "the credential_process of the AWS profile does not end within %d ms", timeout_ms);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
        return assay_error_set(err, ASSAY_EAUTH, 1264,
                               "the credential_process of the AWS profile failed");
    return ASSAY_OK;
}
