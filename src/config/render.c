/* The reference of the guide and the JSON schema for editors, from the schema tables. */
#include "base/str.h"
#include "config/schema.h"
#include "text/json.h"

#include <string.h>

static const char *type_name(assay_key_type type)
{
    switch (type) {
    case ASSAY_KEY_TEXT:
        return "text";
    case ASSAY_KEY_BOOL:
        return "true or false";
    case ASSAY_KEY_INT:
        return "whole number";
    case ASSAY_KEY_SIZE:
        return "size";
    case ASSAY_KEY_DURATION:
        return "duration";
    case ASSAY_KEY_ENUM:
        return "word";
    case ASSAY_KEY_TEXTS:
        return "text or list of texts";
    case ASSAY_KEY_TEXT_MAP:
        return "names with texts";
    case ASSAY_KEY_MAP:
        return "map";
    case ASSAY_KEY_MAP_OF:
        return "names with maps";
    case ASSAY_KEY_SHORT_OR_MAP_OF:
        return "names with texts or maps";
    case ASSAY_KEY_LIST_OF:
        return "list of maps";
    case ASSAY_KEY_ANY:
        return "any";
    }
    return "any";
}

/* A cell of a Markdown table: '|' would end it. */
static void append_cell(assay_buf *buf, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|')
            assay_buf_append_char(buf, '\\');
        assay_buf_append_char(buf, *at);
    }
}

static void append_choices(assay_buf *buf, const char *choices)
{
    for (const char *at = choices; *at != '\0'; at++) {
        if (*at == '|')
            assay_buf_append_text(buf, ", ");
        else
            assay_buf_append_char(buf, *at);
    }
}

static void append_row(assay_buf *buf, const char *prefix, const assay_key *key)
{
    assay_buf_append_format(buf, "| `%s%s` | ", prefix, key->name);
    if (key->choices != NULL)
        append_choices(buf, key->choices);
    else
        assay_buf_append_text(buf, type_name(key->type));
    assay_buf_append_text(buf, " | ");
    if (key->required)
        assay_buf_append_text(buf, "required");
    else if (key->otherwise != NULL)
        assay_buf_append_format(buf, "`%s`", key->otherwise);
    assay_buf_append_text(buf, " | ");
    append_cell(buf, key->doc);
    assay_buf_append_text(buf, " |\n");
}

static void append_rows(assay_buf *buf, const char *prefix, const assay_key_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const assay_key *key = &table->keys[i];

        append_row(buf, prefix, key);
        if (key->table != NULL) {
            assay_buf path = ASSAY_BUF_EMPTY;

            assay_buf_append_format(&path, "%s%s.%s", prefix, key->name,
                                    key->type == ASSAY_KEY_MAP_OF ||
                                            key->type == ASSAY_KEY_SHORT_OR_MAP_OF
                                        ? "<name>."
                                        : "");
            append_rows(buf, assay_buf_text(&path), key->table);
            assay_buf_done(&path);
        }
    }
}

void assay_config_append_reference(assay_buf *buf, const assay_key_table *table)
{
    assay_buf_append_format(buf,
                            "## %s\n\n%s\n\n| key | value | default | meaning |\n"
                            "|---|---|---|---|\n",
                            table->title, table->doc);
    append_rows(buf, "", table);
    assay_buf_append_text(buf, "\n");
}

static void write_object(assay_json_writer *writer, const assay_key_table *table);

static void write_type(assay_json_writer *writer, const char *type)
{
    assay_json_key(writer, "type");
    assay_json_text(writer, type);
}

/* Variables (${NAME}) may stand for any scalar, so scalars also allow text. */
static void write_types(assay_json_writer *writer, const char *first)
{
    assay_json_key(writer, "type");
    assay_json_begin_list(writer);
    assay_json_text(writer, first);
    if (strcmp(first, "string") != 0)
        assay_json_text(writer, "string");
    else
        assay_json_text(writer, "number");
    assay_json_text(writer, "null");
    assay_json_end_list(writer);
}

static void write_choices(assay_json_writer *writer, const char *choices)
{
    assay_buf one = ASSAY_BUF_EMPTY;

    assay_json_key(writer, "anyOf");
    assay_json_begin_list(writer);
    assay_json_begin_map(writer);
    assay_json_key(writer, "enum");
    assay_json_begin_list(writer);
    for (const char *at = choices;; at++) {
        if (*at == '|' || *at == '\0') {
            assay_json_text(writer, assay_buf_text(&one));
            assay_buf_clear(&one);
            if (*at == '\0')
                break;
            continue;
        }
        assay_buf_append_char(&one, *at);
    }
    assay_json_null(writer);
    assay_json_end_list(writer);
    assay_json_end_map(writer);
    assay_json_begin_map(writer);
    write_type(writer, "string");
    assay_json_key(writer, "pattern");
    assay_json_text(writer, "\\$\\{");
    assay_json_end_map(writer);
    assay_json_end_list(writer);
    assay_buf_done(&one);
}

static void write_texts(assay_json_writer *writer)
{
    assay_json_key(writer, "anyOf");
    assay_json_begin_list(writer);
    assay_json_begin_map(writer);
    write_types(writer, "string");
    assay_json_end_map(writer);
    assay_json_begin_map(writer);
    write_type(writer, "array");
    assay_json_key(writer, "items");
    assay_json_begin_map(writer);
    write_types(writer, "string");
    assay_json_end_map(writer);
    assay_json_end_map(writer);
    assay_json_end_list(writer);
}

/* A map of any names (`member` NULL: texts) or a list, whose items have the keys of `member`. */
static void write_many(assay_json_writer *writer, const char *type, const char *word,
                       const assay_key_table *member)
{
    write_type(writer, type);
    assay_json_key(writer, word);
    assay_json_begin_map(writer);
    if (member != NULL)
        write_object(writer, member);
    else
        write_types(writer, "string");
    assay_json_end_map(writer);
}

/* A map of any names, each with a text or the keys of `member`. */
static void write_short_or_many(assay_json_writer *writer, const assay_key_table *member)
{
    write_type(writer, "object");
    assay_json_key(writer, "additionalProperties");
    assay_json_begin_map(writer);
    assay_json_key(writer, "anyOf");
    assay_json_begin_list(writer);
    assay_json_begin_map(writer);
    write_types(writer, "string");
    assay_json_end_map(writer);
    assay_json_begin_map(writer);
    write_object(writer, member);
    assay_json_end_map(writer);
    assay_json_end_list(writer);
    assay_json_end_map(writer);
}

static void write_key(assay_json_writer *writer, const assay_key *key)
{
    assay_json_key(writer, "description");
    assay_json_text(writer, key->doc);
    if (key->otherwise != NULL && key->type == ASSAY_KEY_ENUM) {
        assay_json_key(writer, "default");
        assay_json_text(writer, key->otherwise);
    }
    switch (key->type) {
    case ASSAY_KEY_TEXT:
    case ASSAY_KEY_SIZE:
    case ASSAY_KEY_DURATION:
        write_types(writer, "string");
        return;
    case ASSAY_KEY_BOOL:
        write_types(writer, "boolean");
        return;
    case ASSAY_KEY_INT:
        write_types(writer, "integer");
        return;
    case ASSAY_KEY_ENUM:
        write_choices(writer, key->choices);
        return;
    case ASSAY_KEY_TEXTS:
        write_texts(writer);
        return;
    case ASSAY_KEY_TEXT_MAP:
        write_many(writer, "object", "additionalProperties", NULL);
        return;
    case ASSAY_KEY_MAP:
        write_object(writer, key->table);
        return;
    case ASSAY_KEY_MAP_OF:
        write_many(writer, "object", "additionalProperties", key->table);
        return;
    case ASSAY_KEY_SHORT_OR_MAP_OF:
        write_short_or_many(writer, key->table);
        return;
    case ASSAY_KEY_LIST_OF:
        write_many(writer, "array", "items", key->table);
        return;
    case ASSAY_KEY_ANY:
        return;
    }
}

static void write_object(assay_json_writer *writer, const assay_key_table *table)
{
    bool required = false;

    write_type(writer, "object");
    assay_json_key(writer, "additionalProperties");
    assay_json_bool(writer, false);
    assay_json_key(writer, "properties");
    assay_json_begin_map(writer);
    for (size_t i = 0; i < table->count; i++) {
        assay_json_key(writer, table->keys[i].name);
        assay_json_begin_map(writer);
        write_key(writer, &table->keys[i]);
        assay_json_end_map(writer);
        required = required || table->keys[i].required;
    }
    assay_json_end_map(writer);
    if (!required)
        return;
    assay_json_key(writer, "required");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < table->count; i++)
        if (table->keys[i].required)
            assay_json_text(writer, table->keys[i].name);
    assay_json_end_list(writer);
}

void assay_config_append_json_schema(assay_buf *buf, const assay_key_table *table)
{
    assay_json_writer writer = assay_json_writer_init(buf);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "$schema");
    assay_json_text(&writer, "https://json-schema.org/draft/2020-12/schema");
    assay_json_key(&writer, "title");
    assay_json_text(&writer, table->title);
    write_object(&writer, table);
    assay_json_end_map(&writer);
}
