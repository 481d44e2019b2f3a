#include "delta/log.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"

enum { VERSION_DIGITS = 20, PART_DIGITS = 10 };

/* Parses exactly `digits` digits. */
static bool parse_digits(const char *text, int digits, int64_t *ret_value)
{
    int64_t value = 0;

    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *ret_value = value;
    return true;
}

/* One file of a checkpoint. */
struct part {
    int64_t version;
    int64_t number, total; /* 0 of 0 for a checkpoint of one file */
    bool json;
    const char *name;
};

/* "<v>.checkpoint.parquet", "<v>.checkpoint.<n>.<total>.parquet",
 * "<v>.checkpoint.<uuid>.(parquet|json)". */
static bool parse_checkpoint(const char *name, struct part *ret_part)
{
    static const char infix[] = ".checkpoint.";
    const char *rest = name + VERSION_DIGITS + sizeof(infix) - 1;
    struct part part = {0, 0, 0, false, name};

    if (!parse_digits(name, VERSION_DIGITS, &part.version) ||
        strncmp(name + VERSION_DIGITS, infix, sizeof(infix) - 1) != 0)
        return false;
    part.json = assay_str_ends(rest, ".json");
    if (strcmp(rest, "parquet") == 0) {
        *ret_part = part;
        return true;
    }
    if (strlen(rest) == 2 * PART_DIGITS + strlen("..parquet") && rest[PART_DIGITS] == '.' &&
        assay_str_ends(rest, ".parquet") && parse_digits(rest, PART_DIGITS, &part.number) &&
        parse_digits(rest + PART_DIGITS + 1, PART_DIGITS, &part.total)) {
        *ret_part = part;
        return part.number >= 1 && part.number <= part.total;
    }
    *ret_part = part;
    return part.json || assay_str_ends(rest, ".parquet");
}

static int compare_versions(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

/* Complete ones first, so that the first of each version counts; parts of one set in order. */
static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    if (x->total != y->total)
        return x->total < y->total ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->name, y->name);
}

static assay_status add_checkpoint(const assay_delta_log *log, const struct part *parts,
                                   size_t count, assay_vec *checkpoints, assay_arena *arena,
                                   assay_error *err)
{
    assay_delta_checkpoint checkpoint = {parts[0].version, parts[0].json, NULL, count};

    checkpoint.paths = assay_arena_take(arena, count, sizeof(char *));
    ASSAY_TRY(assay_arena_check(checkpoint.paths, err));
    for (size_t i = 0; i < count; i++) {
        checkpoint.paths[i] = assay_path_join(arena, log->folder, parts[i].name);
        ASSAY_TRY(assay_arena_check(checkpoint.paths[i], err));
    }
    return assay_vec_push(checkpoints, &checkpoint, err);
}

/* Groups sorted parts; a set with a part missing is no checkpoint. */
static assay_status group_parts(assay_delta_log *log, const assay_vec *parts, assay_arena *arena,
                                assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec list = ASSAY_VEC_OF(assay_delta_checkpoint);
    int64_t done = -1;

    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = assay_vec_at(parts, i);
        size_t need = part->total == 0 ? 1 : (size_t)part->total;
        const struct part *last =
            i + need <= parts->count ? assay_vec_at(parts, i + need - 1) : NULL;

        if (part->version == done || part->number > 1 || last == NULL ||
            last->version != part->version || last->total != part->total ||
            (part->total > 0 && last->number != part->total))
            continue;
        ASSAY_TRY(add_checkpoint(log, part, need, &list, arena, err));
        done = part->version;
    }
    return assay_vec_to_arena(&list, arena, &log->checkpoints, &log->checkpoint_count, err);
}

static assay_status sort_names(assay_delta_log *log, const assay_store_names *list,
                               assay_arena *arena, assay_error *err)
{
    char **names = list->names;
    ASSAY_AUTO(assay_vec_done) assay_vec commits = ASSAY_VEC_OF(int64_t);
    ASSAY_AUTO(assay_vec_done) assay_vec parts = ASSAY_VEC_OF(struct part);

    for (size_t i = 0; i < list->count; i++) {
        struct part part;
        int64_t version = 0;

        if (strlen(names[i]) == VERSION_DIGITS + strlen(".json") &&
            assay_str_ends(names[i], ".json") && parse_digits(names[i], VERSION_DIGITS, &version))
            ASSAY_TRY(assay_vec_push(&commits, &version, err));
        else if (strlen(names[i]) > VERSION_DIGITS + strlen(".checkpoint.") &&
                 parse_checkpoint(names[i], &part))
            ASSAY_TRY(assay_vec_push(&parts, &part, err));
    }
    if (commits.count > 1)
        qsort(commits.items, commits.count, sizeof(int64_t), compare_versions);
    if (parts.count > 1)
        qsort(parts.items, parts.count, sizeof(struct part), compare_parts);
    ASSAY_TRY(assay_vec_to_arena(&commits, arena, &log->commits, &log->commit_count, err));
    return group_parts(log, &parts, arena, err);
}

assay_status assay_delta_log_list(const char *location, assay_store *store, assay_arena *arena,
                                  assay_delta_log **ret_log, assay_error *err)
{
    assay_delta_log *log = assay_arena_take(arena, 1, sizeof(*log));
    assay_store_names names = {NULL, 0};

    ASSAY_TRY(assay_arena_check(log, err));
    log->location = assay_arena_text(arena, location);
    log->folder = assay_path_join(arena, location, "_delta_log");
    ASSAY_TRY(assay_arena_check(log->location, err));
    ASSAY_TRY(assay_arena_check(log->folder, err));
    ASSAY_TRY(assay_store_list(store, log->folder, arena, &names, err));
    ASSAY_TRY(sort_names(log, &names, arena, err));
    log->version = -1;
    if (log->commit_count > 0)
        log->version = log->commits[log->commit_count - 1];
    if (log->checkpoint_count > 0 &&
        log->checkpoints[log->checkpoint_count - 1].version > log->version)
        log->version = log->checkpoints[log->checkpoint_count - 1].version;
    *ret_log = log;
    return ASSAY_OK;
}

bool assay_delta_log_has_commit(const assay_delta_log *log, int64_t version)
{
    return log->commit_count > 0 && bsearch(&version, log->commits, log->commit_count,
                                            sizeof(int64_t), compare_versions) != NULL;
}

assay_status assay_delta_log_start(const assay_delta_log *log, int64_t version,
                                   const assay_delta_checkpoint **ret_checkpoint, assay_error *err)
{
    const assay_delta_checkpoint *start = NULL;

    for (size_t i = 0; i < log->checkpoint_count && log->checkpoints[i].version <= version; i++)
        start = &log->checkpoints[i];
    for (int64_t v = start == NULL ? 0 : start->version + 1; v <= version; v++) {
        if (!assay_delta_log_has_commit(log, v))
            return assay_error_set(err, ASSAY_EDATA, 4202,
                                   "the log of '%s' has a gap: version %lld is missing",
                                   log->location, (long long)v);
    }
    *ret_checkpoint = start;
    return ASSAY_OK;
}

char *assay_delta_log_commit_path(const assay_delta_log *log, int64_t version, assay_arena *arena)
{
    return assay_arena_format(arena, "%s/%020lld.json", log->folder, (long long)version);
}

assay_status assay_delta_log_read_commit(const assay_delta_log *log, int64_t version,
                                         assay_store *store, assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *path = arena == NULL ? NULL : assay_delta_log_commit_path(log, version, arena);

    if (path == NULL)
        return assay_error_nomem(err);
    assay_buf_clear(buf);
    return assay_store_get(store, path, ASSAY_DELTA_COMMIT_BYTES_MAX, buf, err);
}

static size_t skip_blank(const char *text, size_t at, size_t end)
{
    while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
        at++;
    return at;
}

/* The first key of `{"key": ...`; keys of actions have no escapes. */
static void find_kind(const char *text, size_t size, assay_delta_line *line)
{
    size_t at = skip_blank(text, 0, size);
    size_t end = 0;

    line->kind = "";
    line->kind_size = 0;
    if (at >= size || text[at] != '{')
        return;
    at = skip_blank(text, at + 1, size);
    if (at >= size || text[at] != '"')
        return;
    end = ++at;
    while (end < size && text[end] != '"')
        end++;
    if (end < size) {
        line->kind = text + at;
        line->kind_size = end - at;
    }
}

bool assay_delta_log_next_line(const assay_buf *text, size_t *at, assay_delta_line *ret_line)
{
    while (*at < text->size) {
        const char *start = text->data + *at;
        const char *end = memchr(start, '\n', text->size - *at);
        size_t size = end == NULL ? text->size - *at : (size_t)(end - start);

        *at += size + 1;
        if (skip_blank(start, 0, size) == size)
            continue;
        ret_line->text = start;
        ret_line->size = size;
        find_kind(start, size, ret_line);
        return true;
    }
    return false;
}

bool assay_delta_line_is(const assay_delta_line *line, const char *kind)
{
    return strlen(kind) == line->kind_size && memcmp(line->kind, kind, line->kind_size) == 0;
}
