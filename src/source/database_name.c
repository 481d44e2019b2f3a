#include <string.h>

#include "base/str.h"
#include "source/database.h"

/* What the user wrote of a table or query, as parts and as SQL. */

static assay_place table_place(const assay_database *database)
{
    const assay_named *table = &database->source->table;

    return (assay_place){database->model->path, table->line, table->column};
}

static assay_status bad_name(const assay_database *database, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 2229, table_place(database),
                          "'%s' is no name of a table: write table or schema.table",
                          database->source->table.text);
}

/* One part: "we ""ird" or plain up to the next dot. */
static const char *take_part(assay_database *database, const char *at, assay_database_name *name,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf part = ASSAY_BUF_EMPTY;
    bool quoted = *at == '"';

    if (quoted)
        at++;
    while (*at != '\0' && (quoted || *at != '.')) {
        if (quoted && *at == '"') {
            at++;
            if (*at != '"') {
                quoted = false;
                break;
            }
        }
        assay_buf_append_char(&part, *at++);
    }
    name->quoted[name->count] = at[-1] == '"';
    name->parts[name->count] = assay_arena_text(database->arena, assay_buf_text(&part));
    if (name->parts[name->count] == NULL || part.failed) {
        (void)assay_error_nomem(err);
        return NULL;
    }
    name->count++;
    if (quoted || part.size == 0 || (*at != '\0' && *at != '.')) {
        (void)bad_name(database, err);
        return NULL;
    }
    return at;
}

assay_status assay_database_parse_name(assay_database *database, assay_database_name *ret_name,
                                       assay_error *err)
{
    const char *at = database->source->table.text;

    assay_database_name *name = ret_name;

    name->count = 0;
    for (;;) {
        if (name->count == ASSAY_DATABASE_NAME_PARTS)
            return bad_name(database, err);
        assay_error why = {0};
        at = take_part(database, at, name, &why);
        if (at == NULL)
            return assay_error_copy(err, &why);
        if (*at == '\0')
            return ASSAY_OK;
        at++;
    }
}

assay_status assay_database_make_from(assay_database *database, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    if (database->table != NULL) {
        assay_sql_append_name(&buf, database->schema);
        assay_buf_append_char(&buf, '.');
        assay_sql_append_name(&buf, database->table);
        assay_buf_append_text(&buf, " AS q");
    } else {
        const char *query = database->source->query.text;
        size_t length = strlen(query);
        while (length > 0 && strchr("; \t\r\n", query[length - 1]) != NULL)
            length--;
        assay_buf_append_char(&buf, '(');
        assay_buf_append(&buf, query, length);
        assay_buf_append_text(&buf, "\n) AS q"); /* the query may end in a comment */
    }
    ASSAY_TRY(assay_buf_check(&buf, err));
    database->from = assay_arena_text(database->arena, buf.data);
    return assay_arena_check(database->from, err);
}
