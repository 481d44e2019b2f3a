#include "support/postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

enum { TEXT_SIZE = 1024, TRIES = 600 };

const char test_postgres_password[] = "p@ss word/%1'\\";

struct test_postgres {
    char programs[TEXT_SIZE], folder[TEXT_SIZE];
    int port;
    pid_t pid;
};

static bool find_programs(char programs[TEXT_SIZE])
{
    glob_t found = {0};
    bool is_there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;

    if (is_there) {
        (void)snprintf(programs, TEXT_SIZE, "%s", found.gl_pathv[found.gl_pathc - 1]);
        *strrchr(programs, '/') = '\0';
    }
    globfree(&found);
    return is_there;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM, 0);
    void *any = &address;

    if (bind(file, any, size) != 0 || getsockname(file, any, &size) != 0)
        address.sin_port = 0;
    (void)close(file);
    return ntohs(address.sin_port);
}

/* The server refuses to run as root. */
static const struct passwd *other_user(void)
{
    return getuid() == 0 ? getpwnam("postgres") : NULL;
}

/* Runs a command as the server's user with its output in <folder>/log. */
static pid_t run(const test_postgres *server, const char *command)
{
    char log[2 * TEXT_SIZE];
    const struct passwd *user = other_user();

    (void)snprintf(log, sizeof log, "%s/log", server->folder);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(file, STDOUT_FILENO);
    (void)dup2(file, STDERR_FILENO);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    (void)setsid();
    if (user != NULL && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(1);
    (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(1);
}

static bool make_cluster(const test_postgres *server)
{
    char command[6 * TEXT_SIZE], secret[2 * TEXT_SIZE];
    const struct passwd *user = other_user();
    int result = 0;

    (void)snprintf(secret, sizeof secret, "%s/secret", server->folder);
    (void)
        snprintf(command, sizeof command,
                 "exec '%s/initdb' -D '%s/data' -U admin --pwfile='%s' -A scram-sha-256 --no-sync "
                 "-E UTF8",
                 server->programs, server->folder, secret);
    FILE *file = fopen(secret, "w");
    if (file == NULL)
        return false;
    (void)fputs(test_postgres_password, file);
    (void)fclose(file);
    if (user != NULL && (chown(secret, user->pw_uid, user->pw_gid) != 0 ||
                         chown(server->folder, user->pw_uid, user->pw_gid) != 0))
        return false;
    pid_t pid = run(server, command);
    return pid > 0 && waitpid(pid, &result, 0) == pid && result == 0;
}

static bool answers(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)port)};
    int file = socket(AF_INET, SOCK_STREAM, 0);
    void *any = &address;
    bool connected = connect(file, any, sizeof address) == 0;

    (void)close(file);
    return connected;
}

static bool start(test_postgres *server)
{
    char command[4 * TEXT_SIZE];
    const struct timespec moment = {0, 100000000};

    (void)snprintf(command, sizeof command, "exec '%s/postgres' -D '%s/data' -p %d -k '' -F",
                   server->programs, server->folder, server->port);
    server->pid = run(server, command);
    for (int i = 0; i < TRIES; i++) {
        if (answers(server->port))
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) != 0)
            return false;
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

test_postgres *test_postgres_start(void)
{
    test_postgres *server = calloc(1, sizeof *server);
    const char *temporary = getenv("TMPDIR");

    (void)snprintf(server->folder, sizeof server->folder, "%s/assay-pg-XXXXXX",
                   temporary != NULL ? temporary : "/tmp");
    server->port = free_port();
    if (!find_programs(server->programs) || mkdtemp(server->folder) == NULL) {
        free(server);
        return NULL;
    }
    if (make_cluster(server) && start(server))
        return server;
    test_postgres_stop(server);
    return NULL;
}

void test_postgres_freeze(const test_postgres *server, bool frozen)
{
    (void)kill(server->pid, frozen ? SIGSTOP : SIGCONT);
}

void test_postgres_stop(test_postgres *server)
{
    if (server == NULL)
        return;
    if (server->pid > 0) {
        (void)kill(server->pid, SIGQUIT);
        (void)waitpid(server->pid, NULL, 0);
    }
    if (assay_path_remove_tree(server->folder, NULL) != ASSAY_OK)
        (void)fprintf(stderr, "%s is left behind\n", server->folder);
    free(server);
}

int test_postgres_port(const test_postgres *server)
{
    return server->port;
}
