#include "support/standin.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

enum { TEXT_SIZE = 1024, TRIES = 600 };

const char test_standin_password[] = "p@ss word/%1'";

struct test_standin {
    char python[TEXT_SIZE], folder[TEXT_SIZE];
    int port;
    pid_t pid;
};

static void find_python(char python[TEXT_SIZE])
{
    const char *cache = getenv("ASSAY_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (cache != NULL)
        (void)snprintf(python, TEXT_SIZE, "%s/standin/bin/python", cache);
    else if (xdg != NULL)
        (void)snprintf(python, TEXT_SIZE, "%s/assay/standin/bin/python", xdg);
    else
        (void)snprintf(python, TEXT_SIZE, "%s/.cache/assay/standin/bin/python",
                       home != NULL ? home : "");
}

static void write_users(const test_standin *server)
{
    char path[2 * TEXT_SIZE];

    (void)snprintf(path, sizeof path, "%s/users.json", server->folder);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return;
    (void)fprintf(file, "{\"ETL\": {\"password\": \"%s\"}}", test_standin_password);
    (void)fclose(file);
}

static pid_t run(const test_standin *server)
{
    char command[8 * TEXT_SIZE];

    (void)snprintf(command, sizeof command,
                   "exec '%s' -W ignore '%s/tests/python/standin' --data '%s/data' --users "
                   "'%s/users.json' --database TEST --port-file '%s/port' >'%s/log' 2>&1",
                   server->python, ASSAY_TEST_SOURCE_DIR, server->folder, server->folder,
                   server->folder, server->folder);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    /* the sanitizers of this program are not those of Python */
    (void)unsetenv("ASAN_OPTIONS");
    (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(1);
}

static bool read_port(test_standin *server)
{
    char path[2 * TEXT_SIZE];
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/port", server->folder);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    char digits[16] = "";
    if (fgets(digits, sizeof digits, file) != NULL)
        server->port = (int)strtol(digits, NULL, 10);
    found = server->port > 0;
    (void)fclose(file);
    return found;
}

test_standin *test_standin_start(void)
{
    test_standin *server = calloc(1, sizeof *server);
    const char *temporary = getenv("TMPDIR");
    const struct timespec moment = {0, 100000000};

    find_python(server->python);
    (void)snprintf(server->folder, sizeof server->folder, "%s/assay-sf-XXXXXX",
                   temporary != NULL ? temporary : "/tmp");
    if (access(server->python, X_OK) != 0 || mkdtemp(server->folder) == NULL) {
        free(server);
        return NULL;
    }
    write_users(server);
    server->pid = run(server);
    for (int i = 0; i < TRIES; i++) {
        if (read_port(server))
            return server;
        if (waitpid(server->pid, NULL, WNOHANG) != 0)
            break;
        (void)nanosleep(&moment, NULL);
    }
    test_standin_stop(server);
    return NULL;
}

void test_standin_stop(test_standin *server)
{
    if (server == NULL)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    if (assay_path_remove_tree(server->folder, NULL) != ASSAY_OK)
        (void)fprintf(stderr, "%s is left behind\n", server->folder);
    free(server);
}

int test_standin_port(const test_standin *server)
{
    return server->port;
}
