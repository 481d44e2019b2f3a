#include "lineage/event.h"

#include "base/path.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

enum { GIT_FILE_MAX = 4 * 1024 * 1024, UPWARDS_MAX = 64, HASH_MIN = 40, HASH_MAX = 64 };

/* A repository: where its own files are, and those it shares with other worktrees. */
struct repository {
    const char *top;    /* folder of the checkout */
    const char *git;    /* HEAD */
    const char *common; /* refs, packed-refs, config */
};

/* A small file without its trailing line feed; NULL where it cannot be read. */
static char *read_small(const char *folder, const char *name, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    const char *path = assay_path_join(arena, folder, name);

    if (path == NULL || assay_path_read(path, GIT_FILE_MAX, &bytes, NULL) != ASSAY_OK ||
        bytes.size == 0 || memchr(bytes.data, '\0', bytes.size) != NULL)
        return NULL;
    char *text = assay_arena_text_n(arena, bytes.data, bytes.size);
    size_t length = text != NULL ? strlen(text) : 0;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* .git is a folder, or a file "gitdir: <folder>" in worktrees and submodules. */
static bool open_repository(const char *top, assay_arena *arena, struct repository *ret_repository)
{
    assay_path_info info = {.exists = false};
    const char *git = assay_path_join(arena, top, ".git");

    if (git == NULL || assay_path_stat(git, &info, NULL) != ASSAY_OK || !info.exists)
        return false;
    if (!info.is_directory) {
        const char *link = read_small(top, ".git", arena);
        if (link == NULL || !assay_str_starts(link, "gitdir:"))
            return false;
        link += strlen("gitdir:");
        git = assay_path_normal(arena, top, link + strspn(link, " "));
    }
    const char *common = git != NULL ? read_small(git, "commondir", arena) : NULL;
    *ret_repository =
        (struct repository){top, git, common != NULL ? assay_path_normal(arena, git, common) : git};
    return git != NULL && ret_repository->common != NULL;
}

static bool find_repository(const char *root, assay_arena *arena, struct repository *ret_repository)
{
    const char *folder = root;

    for (int i = 0; folder != NULL && i < UPWARDS_MAX; i++) {
        if (open_repository(folder, arena, ret_repository))
            return true;
        if (assay_str_equal(folder, "/") || assay_str_equal(folder, "."))
            return false;
        folder = assay_path_dir(arena, folder);
    }
    return false;
}

static bool is_hash(const char *text, size_t length)
{
    if (length != HASH_MIN && length != HASH_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* "<hash> <ref>" lines of packed-refs. */
static const char *packed_hash(const struct repository *repository, const char *ref,
                               assay_arena *arena)
{
    const char *line = read_small(repository->common, "packed-refs", arena);

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");
        size_t hash = strcspn(line, " \n");
        if (is_hash(line, hash) && length == hash + 1 + strlen(ref) &&
            strncmp(line + hash + 1, ref, strlen(ref)) == 0)
            return assay_arena_text_n(arena, line, hash);
        line += length;
        line += *line == '\n' ? 1 : 0;
    }
    return NULL;
}

static void fill_version(assay_lineage_event *event, const struct repository *repository,
                         assay_arena *arena)
{
    static const char branches[] = "refs/heads/";
    const char *head = read_small(repository->git, "HEAD", arena);

    if (head == NULL)
        return;
    if (is_hash(head, strlen(head))) {
        event->source_version = head;
        return;
    }
    if (!assay_str_starts(head, "ref: ") || assay_str_contains(head, ".."))
        return;
    const char *ref = head + strlen("ref: ");
    if (assay_str_starts(ref, branches))
        event->source_branch = ref + strlen(branches);
    const char *hash = read_small(repository->common, ref, arena);
    if (hash == NULL || !is_hash(hash, strlen(hash)))
        hash = packed_hash(repository, ref, arena);
    event->source_version = hash;
}

/* The url of remote "origin" in .git/config, as it is written. */
static const char *remote_url(const struct repository *repository, assay_arena *arena)
{
    char *line = read_small(repository->common, "config", arena);
    bool inside = false;

    while (line != NULL && *line != '\0') {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        *end = '\0';
        line += strspn(line, " \t");
        if (*line == '[')
            inside = assay_str_starts(line, "[remote \"origin\"]");
        else if (inside && assay_str_starts(line, "url")) {
            const char *equal = strchr(line, '=');
            if (equal != NULL)
                return equal + 1 + strspn(equal + 1, " \t");
        }
        line = last ? NULL : end + 1;
    }
    return NULL;
}

/* A remote as an address without credentials: "git@host:org/x.git" and "ssh://git@host/org/x.git"
 * are "https://host/org/x". NULL for folders and what is not understood. */
static const char *public_url(const char *remote, assay_arena *arena)
{
    const char *rest = strstr(remote, "://");
    const char *host = rest != NULL ? rest + 3 : remote;
    const char *scheme = rest != NULL && assay_str_starts(remote, "http://") ? "http" : "https";
    size_t authority = strcspn(host, "/");
    const char *user = memchr(host, '@', authority);

    if (remote[0] == '/' || remote[0] == '.' || assay_str_starts(remote, "file:"))
        return NULL;
    if (user != NULL) {
        authority -= (size_t)(user + 1 - host);
        host = user + 1;
    }
    const char *colon = rest == NULL ? memchr(host, ':', authority) : NULL;
    if (rest == NULL && colon == NULL)
        return NULL;
    if (colon != NULL)
        authority = (size_t)(colon - host);
    const char *path = host + authority + (host[authority] != '\0' ? 1 : 0);
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    if (length > 4 && strncmp(path + length - 4, ".git", 4) == 0)
        length -= 4;
    for (const char *at = host; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || strchr("\"<>\\^`{|}", *at) != NULL)
            return NULL;
    return assay_arena_format(arena, "%s://%.*s/%.*s", scheme, (int)authority, host, (int)length,
                              path);
}

static void append_path(assay_buf *url, const char *path)
{
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        if (isalnum(c) || strchr("/-._~", c) != NULL)
            assay_buf_append_char(url, *path);
        else
            assay_buf_append_format(url, "%%%02X", c);
    }
}

assay_status assay_lineage_git_fill(assay_lineage_event *event, const char *root, const char *path,
                                    assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf url = ASSAY_BUF_EMPTY;
    struct repository repository = {NULL, NULL, NULL};

    if (!find_repository(root, arena, &repository))
        return ASSAY_OK;
    const char *remote = remote_url(&repository, arena);
    const char *repo = remote != NULL ? public_url(remote, arena) : NULL;
    if (repo == NULL)
        return ASSAY_OK;
    const char *absolute = assay_path_normal(arena, root, path);
    ASSAY_TRY(assay_arena_check(absolute, err));
    fill_version(event, &repository, arena);
    event->source_repo = repo;
    event->source_path = assay_path_relative(repository.top, absolute);

    assay_buf_append_format(&url, "%s/blob/%s/", repo,
                            event->source_version != NULL ? event->source_version : "HEAD");
    append_path(&url, event->source_path);
    ASSAY_TRY(assay_buf_check(&url, err));
    event->source_url = assay_arena_text(arena, assay_buf_text(&url));
    return assay_arena_check(event->source_url, err);
}
