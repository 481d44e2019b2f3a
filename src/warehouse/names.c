#include "warehouse/names.h"

#include "base/str.h"
#include "base/sysinfo.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PARTS_MAX = 3 };

/* ---- the target ---- */

struct name_parts {
    const char *texts[PARTS_MAX];
    size_t count;
};

static assay_status fail_name(const assay_warehouse_publication *publication, const char *why,
                              assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 7001, publication->place,
                          "'%s' is no name of a table: %s", publication->table, why);
}

/* The ledger would be taken for a target, and lose what it is for. */
static assay_status check_own(const assay_warehouse_publication *publication, const char *table,
                              assay_error *err)
{
    if (!assay_str_equal_ci(table, ASSAY_WAREHOUSE_LEDGER) &&
        !assay_str_equal_ci(table, ASSAY_WAREHOUSE_LOCK) &&
        strncasecmp(table, ASSAY_WAREHOUSE_STAGE, strlen(ASSAY_WAREHOUSE_STAGE)) != 0)
        return ASSAY_OK;
    return fail_name(publication, "assay keeps its own tables under such names", err);
}

/* A part in quotes at *cursor, which moves behind it; *ret_part is NULL where it is none. */
static assay_status take_quoted(const char **cursor, assay_arena *arena, const char **ret_part,
                                assay_error *err)
{
    const char *c = *cursor + 1;
    char *part = assay_arena_text(arena, c);
    size_t length = 0;

    *ret_part = NULL;
    ASSAY_TRY(assay_arena_check(part, err));
    for (; *c != '\0'; c++) {
        if (*c == '"' && c[1] != '"') {
            part[length] = '\0';
            *cursor = c + 1;
            *ret_part = length > 0 ? part : NULL;
            return ASSAY_OK;
        }
        c += *c == '"' ? 1 : 0;
        part[length++] = *c;
    }
    return ASSAY_OK;
}

static assay_status take_plain(const assay_dialect *dialect, bool preserve_case,
                               const char **cursor, assay_arena *arena, const char **ret_part,
                               assay_error *err)
{
    size_t length = strcspn(*cursor, ".\"");
    const char *part = assay_arena_text_n(arena, *cursor, length);

    *cursor += length;
    ASSAY_TRY(assay_arena_check(part, err));
    if (!preserve_case)
        part = assay_dialect_fold(dialect, arena, part);
    *ret_part = length > 0 ? part : NULL;
    return assay_arena_check(part, err);
}

static assay_status split(const assay_dialect *dialect,
                          const assay_warehouse_publication *publication, assay_arena *arena,
                          struct name_parts *ret_parts, assay_error *err)
{
    const char *cursor = publication->table;

    ret_parts->count = 0;
    for (;; cursor++) {
        if (ret_parts->count == PARTS_MAX)
            return fail_name(publication, "it has more than three parts", err);
        const char *part = NULL;
        if (*cursor == '"')
            ASSAY_TRY(take_quoted(&cursor, arena, &part, err));
        else
            ASSAY_TRY(take_plain(dialect, publication->preserve_case, &cursor, arena, &part, err));
        if (part == NULL)
            return fail_name(publication, "a part is empty or its quotes do not close", err);
        if (strlen(part) > dialect->name_max)
            return fail_name(publication, "a part is longer than the database allows", err);
        ret_parts->texts[ret_parts->count++] = part;
        if (*cursor == '\0')
            return check_own(publication, part, err);
        if (*cursor != '.')
            return fail_name(publication, "parts are separated by '.'", err);
    }
}

assay_status assay_names_check(const assay_dialect *dialect,
                               const assay_warehouse_publication *publication, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct name_parts parts;

    ASSAY_TRY(assay_arena_check(arena, err));
    return split(dialect, publication, arena, &parts, err);
}

/* What the connection says is a plain name too: Snowflake folds what it gets at login. */
static const char *otherwise(const assay_dialect *dialect, const char *name, assay_arena *arena)
{
    return name != NULL && dialect->upper ? assay_dialect_fold(dialect, arena, name) : name;
}

assay_status assay_names_target(const assay_dialect *dialect,
                                const assay_connection_config *connection,
                                const assay_warehouse_publication *publication, assay_arena *arena,
                                assay_warehouse_target *ret_target, assay_error *err)
{
    struct name_parts parts;
    assay_warehouse_target target = {.database = otherwise(dialect, connection->database, arena),
                                     .schema = otherwise(dialect, connection->schema, arena)};

    ASSAY_TRY(split(dialect, publication, arena, &parts, err));
    if (target.schema == NULL)
        target.schema = dialect->default_schema;
    target.table = parts.texts[parts.count - 1];
    if (parts.count > 1)
        target.schema = parts.texts[parts.count - 2];
    if (parts.count > 2 && !dialect->has_databases &&
        !assay_str_equal(parts.texts[0], target.database))
        return assay_error_at(err, ASSAY_ECONFIG, 7002, publication->place,
                              "'%s' is in another database than connection '%s', whose is '%s'",
                              publication->table, connection->name,
                              target.database != NULL ? target.database : "not said");
    if (parts.count > 2)
        target.database = parts.texts[0];
    if (target.schema == NULL || (target.database == NULL && dialect->has_databases))
        return assay_error_at(err, ASSAY_ECONFIG, 7002, publication->place,
                              "neither '%s' nor connection '%s' says the %s: write "
                              "DATABASE.SCHEMA.TABLE",
                              publication->table, connection->name,
                              target.schema == NULL ? "schema" : "database");
    *ret_target = target;
    return ASSAY_OK;
}

const char *assay_names_text(const assay_dialect *dialect, const assay_warehouse_target *target,
                             assay_arena *arena)
{
    if (!dialect->has_databases)
        return assay_arena_format(arena, "%s.%s", target->schema, target->table);
    return assay_arena_format(arena, "%s.%s.%s", target->database, target->schema, target->table);
}

/* ---- staging tables ---- */

assay_stage_owner assay_names_owner(const assay_clock *clock, const assay_random *random)
{
    uint16_t salt = 0;
    char host[ASSAY_SYSINFO_NAME_SIZE];
    unsigned hash = 5381;

    random->fill(random->user, &salt, sizeof salt);
    assay_sysinfo_host(host);
    for (const char *c = host; *c != '\0'; c++)
        hash = hash * 33U + (unsigned char)*c;
    return (assay_stage_owner){.created_s = clock->now_us(clock->user) / 1000000,
                               .host = (hash ^ (hash >> 16)) & 0xFFFFU,
                               .pid = assay_sysinfo_pid(),
                               .salt = salt};
}

enum { OWNER_SIZE = 8 + 4 + 8 + 4, ID_SIZE = 8, TAIL_SIZE = 2 + ID_SIZE + 1 + OWNER_SIZE };

const char *assay_names_stage(const assay_dialect *dialect, const char *table,
                              const char *publish_id, const assay_stage_owner *owner,
                              assay_arena *arena)
{
    size_t room = dialect->name_max - strlen(ASSAY_WAREHOUSE_STAGE) - TAIL_SIZE;
    char *plain = assay_arena_text(arena, table);

    if (plain == NULL)
        return NULL;
    for (char *c = plain; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && !(*c >= '0' && *c <= '9'))
            *c = '_';
    }
    const char *name =
        assay_arena_format(arena, ASSAY_WAREHOUSE_STAGE "%.*s__%.*s_%08llx%04x%08llx%04x",
                           (int)room, plain, ID_SIZE, publish_id,
                           (unsigned long long)owner->created_s & 0xFFFFFFFFULL, owner->host,
                           (unsigned long long)owner->pid & 0xFFFFFFFFULL, owner->salt);
    return name != NULL ? assay_dialect_fold(dialect, arena, name) : NULL;
}

/* `size` hexadecimal digits of either case; false where one is none. */
static bool read_hex(const char *text, size_t size, int64_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = assay_str_hex_digit(text[i]);
        if (digit < 0)
            return false;
        *ret_value = *ret_value * 16 + digit;
    }
    return true;
}

bool assay_names_parse_stage(const char *name, assay_stage_owner *ret_owner)
{
    size_t length = strlen(name);
    int64_t host = 0;
    int64_t salt = 0;
    int64_t ignored = 0;

    if (length < strlen(ASSAY_WAREHOUSE_STAGE) + TAIL_SIZE)
        return false;
    const char *tail = name + length - TAIL_SIZE;
    const char *owner = tail + 2 + ID_SIZE + 1;
    if (tail[0] != '_' || tail[1] != '_' || owner[-1] != '_' ||
        !read_hex(tail + 2, ID_SIZE, &ignored))
        return false;
    if (!read_hex(owner, 8, &ret_owner->created_s) || !read_hex(owner + 8, 4, &host) ||
        !read_hex(owner + 12, 8, &ret_owner->pid) || !read_hex(owner + 20, 4, &salt))
        return false;
    ret_owner->host = (unsigned)host;
    ret_owner->salt = (unsigned)salt;
    return true;
}

bool assay_names_is_left(const assay_stage_owner *owner, const assay_stage_owner *self)
{
    if (self->created_s - owner->created_s > ASSAY_STAGE_KEEP_S)
        return true;
    if (owner->host != self->host || owner->pid == self->pid || owner->pid <= 0)
        return false;
    return kill((pid_t)owner->pid, 0) != 0 && errno == ESRCH;
}
