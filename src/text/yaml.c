#include "text/yaml.h"

#include "base/map.h"
#include "base/str.h"
#include "text/excerpt.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* One file that a user writes; a larger one is no config file. */
enum { BYTES_MAX = 16 << 20 };

struct reader {
    yaml_parser_t *parser;
    const assay_yaml_source *source;
    const char *bytes; /* without byte order mark */
    size_t size;
    assay_arena *arena;
    assay_map *anchors;       /* name -> value */
    assay_value *open_anchor; /* stands there for a value that is still being read */
    size_t nodes;
    assay_error *err;
};

static void delete_event(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static assay_place place_of(const struct reader *reader, yaml_mark_t mark)
{
    return (assay_place){reader->source->path, (int)mark.line + reader->source->first_line,
                         (int)mark.column + reader->source->first_column};
}

static assay_status fail(struct reader *reader, yaml_mark_t mark, const char *why)
{
    return assay_error_at(reader->err, ASSAY_ECONFIG, 1110, place_of(reader, mark),
                          "not valid YAML: %s", why);
}

static assay_status fail_limit(struct reader *reader, yaml_mark_t mark, const char *why)
{
    return assay_error_at(reader->err, ASSAY_ECONFIG, 1112, place_of(reader, mark),
                          "document is too large: %s", why);
}

/* Place of a byte, where libyaml gives no mark. */
static assay_status fail_at_offset(struct reader *reader, size_t offset, const char *why)
{
    ASSAY_AUTO(assay_buf_done) assay_buf before = ASSAY_BUF_EMPTY;
    int line = 1;
    int column = 1;

    /* The text before the byte is valid, and without NUL when that is what is complained of. */
    assay_buf_append(&before, reader->bytes, offset < reader->size ? offset : reader->size);
    ASSAY_TRY(assay_buf_check(&before, reader->err));
    assay_excerpt_position(assay_buf_text(&before), before.size, &line, &column);
    return assay_error_at(reader->err, ASSAY_ECONFIG, 1110,
                          (assay_place){reader->source->path, line - 1 + reader->source->first_line,
                                        column - 1 + reader->source->first_column},
                          "not valid YAML: %s", why);
}

/* Does a tab stand among the blanks that begin line `line` (from 0)? */
static bool is_indented_by_tab(const struct reader *reader, size_t line)
{
    const char *at = reader->bytes;
    const char *end = reader->bytes + reader->size;

    for (; line > 0 && at < end; at++)
        line -= *at == '\n' ? 1 : 0;
    while (at < end && *at == ' ')
        at++;
    return at < end && *at == '\t';
}

/* Says what libyaml found wrong. */
static assay_status fail_parser(struct reader *reader)
{
    const yaml_parser_t *parser = reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "unknown error";

    if (parser->error == YAML_MEMORY_ERROR)
        return assay_error_nomem(reader->err);
    if (parser->error == YAML_READER_ERROR)
        return fail_at_offset(reader, parser->problem_offset, problem);
    if (strstr(problem, "tab character") != NULL ||
        (strcmp(problem, "found character that cannot start any token") == 0 &&
         is_indented_by_tab(reader, parser->problem_mark.line)))
        return fail(reader, parser->problem_mark, "a tab where blanks must indent");
    if (parser->context == NULL)
        return fail(reader, parser->problem_mark, problem);
    char why[256];
    (void)snprintf(why, sizeof why, "%s, %s", parser->context, problem);
    return fail(reader, parser->problem_mark, why);
}

static assay_status next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(reader->parser, event) != 0 ? ASSAY_OK : fail_parser(reader);
}

static assay_status count_nodes(struct reader *reader, size_t nodes, yaml_mark_t mark)
{
    if (nodes > ASSAY_YAML_NODES_MAX - reader->nodes)
        return fail_limit(reader, mark, "more than 1,000,000 values");
    reader->nodes += nodes;
    return ASSAY_OK;
}

static assay_status new_value(struct reader *reader, assay_value_kind kind, yaml_mark_t mark,
                              assay_value **ret_value)
{
    assay_place place = place_of(reader, mark);
    assay_value *value = assay_arena_take(reader->arena, 1, sizeof *value);

    ASSAY_TRY(assay_arena_check(value, reader->err));
    ASSAY_TRY(count_nodes(reader, 1, mark));
    value->kind = kind;
    value->line = place.line;
    value->column = place.column;
    *ret_value = value;
    return ASSAY_OK;
}

static assay_status keep_anchor(struct reader *reader, const yaml_char_t *anchor,
                                assay_value *value)
{
    if (anchor == NULL)
        return ASSAY_OK;
    return assay_map_put(reader->anchors, (const char *)anchor, value, reader->err);
}

/* Only !!str is taken as a tag: it makes text of a scalar, as quotes do. */
static assay_status check_tag(struct reader *reader, const yaml_char_t *tag, yaml_mark_t mark)
{
    if (tag == NULL || strcmp((const char *)tag, "!") == 0 ||
        strcmp((const char *)tag, YAML_STR_TAG) == 0)
        return ASSAY_OK;
    return fail(reader, mark, "tags are not supported");
}

static assay_status read_scalar(struct reader *reader, const yaml_event_t *event,
                                assay_value **ret_value)
{
    assay_value *value = NULL;
    const char *text = (const char *)event->data.scalar.value;

    ASSAY_TRY(check_tag(reader, event->data.scalar.tag, event->start_mark));
    ASSAY_TRY(new_value(reader, ASSAY_VALUE_TEXT, event->start_mark, &value));
    if (strlen(text) != event->data.scalar.length)
        return fail(reader, event->start_mark, "a NUL character in a text");
    value->text = assay_arena_text(reader->arena, text);
    ASSAY_TRY(assay_arena_check(value->text, reader->err));
    value->quoted =
        event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || event->data.scalar.tag != NULL;
    if (!value->quoted)
        assay_yaml_resolve(value);
    ASSAY_TRY(keep_anchor(reader, event->data.scalar.anchor, value));
    *ret_value = value;
    return ASSAY_OK;
}

/* Counts the values of a tree and finds its depth; trees are limited in both. */
static size_t measure(const assay_value *value, int *ret_depth)
{
    size_t nodes = 1;
    int deepest = 0;

    for (size_t i = 0; i < value->count; i++) {
        int depth = 0;
        nodes += measure(value->items[i], &depth);
        deepest = depth > deepest ? depth : deepest;
    }
    *ret_depth = deepest + 1;
    return nodes;
}

/* An alias is a copy of its own, because templates are expanded in place. Copies count. */
static assay_status read_alias(struct reader *reader, const yaml_event_t *event, int depth,
                               assay_value **ret_value)
{
    const assay_value *anchor =
        assay_map_find(reader->anchors, (const char *)event->data.alias.anchor);
    int below = 0;

    if (anchor == NULL)
        return fail(reader, event->start_mark, "alias of an unknown anchor");
    if (anchor == reader->open_anchor)
        return fail(reader, event->start_mark, "alias within its own anchor");
    ASSAY_TRY(count_nodes(reader, measure(anchor, &below), event->start_mark));
    if (depth + below > ASSAY_YAML_DEPTH_MAX)
        return fail_limit(reader, event->start_mark, "nested deeper than 100 levels");
    *ret_value = assay_value_copy(reader->arena, anchor);
    return assay_arena_check(*ret_value, reader->err);
}

static assay_status read_node(struct reader *reader, const yaml_event_t *event, int depth,
                              assay_value **ret_value);

static assay_status read_sequence(struct reader *reader, const yaml_event_t *begin, int depth,
                                  assay_value **ret_value)
{
    assay_value *list = NULL;

    ASSAY_TRY(check_tag(reader, begin->data.sequence_start.tag, begin->start_mark));
    ASSAY_TRY(new_value(reader, ASSAY_VALUE_LIST, begin->start_mark, &list));
    ASSAY_TRY(keep_anchor(reader, begin->data.sequence_start.anchor, reader->open_anchor));
    for (;;) {
        ASSAY_AUTO(delete_event) yaml_event_t event = {0};
        assay_value *item = NULL;
        ASSAY_TRY(next_event(reader, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        ASSAY_TRY(read_node(reader, &event, depth, &item));
        ASSAY_TRY(assay_value_append(list, item, reader->arena, reader->err));
    }
    ASSAY_TRY(keep_anchor(reader, begin->data.sequence_start.anchor, list));
    *ret_value = list;
    return ASSAY_OK;
}

static assay_status read_key(struct reader *reader, const yaml_event_t *event, const char **ret_key)
{
    if (event->type == YAML_ALIAS_EVENT)
        return fail(reader, event->start_mark, "an alias as a key");
    if (event->type != YAML_SCALAR_EVENT)
        return fail(reader, event->start_mark, "a key that is a list or a map");
    const char *key = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    ASSAY_TRY(check_tag(reader, event->data.scalar.tag, event->start_mark));
    if (event->data.scalar.anchor != NULL)
        return fail(reader, event->start_mark, "an anchor on a key");
    if (strlen(key) != event->data.scalar.length)
        return fail(reader, event->start_mark, "a NUL character in a key");
    if (plain && key[0] == '\0')
        return fail(reader, event->start_mark, "an empty key");
    if (plain && strcmp(key, "<<") == 0)
        return fail(reader, event->start_mark, "merge keys ('<<') are not supported");
    *ret_key = assay_arena_text(reader->arena, key);
    return assay_arena_check(*ret_key, reader->err);
}

/* Remembers the place of key `index`; the array grows with the map's own capacity. */
static assay_status keep_mark(struct reader *reader, assay_value *map, size_t index,
                              yaml_mark_t mark)
{
    assay_place place = place_of(reader, mark);

    if (map->key_marks == NULL) {
        map->key_marks = assay_arena_take(reader->arena, map->capacity, sizeof(assay_mark));
        ASSAY_TRY(assay_arena_check(map->key_marks, reader->err));
    }
    map->key_marks[index] = (assay_mark){place.line, place.column};
    return ASSAY_OK;
}

static assay_status check_keys(struct reader *reader, const assay_value *map)
{
    size_t first = 0;
    size_t second = 0;

    ASSAY_TRY(assay_value_find_duplicate(map, &first, &second, reader->err));
    if (second >= map->count)
        return ASSAY_OK;
    return assay_error_at(reader->err, ASSAY_ECONFIG, 1111,
                          (assay_place){reader->source->path, map->key_marks[second].line,
                                        map->key_marks[second].column},
                          "duplicate key '%s', first on line %d", map->keys[second],
                          map->key_marks[first].line);
}

static assay_status read_mapping(struct reader *reader, const yaml_event_t *begin, int depth,
                                 assay_value **ret_value)
{
    assay_value *map = NULL;

    ASSAY_TRY(check_tag(reader, begin->data.mapping_start.tag, begin->start_mark));
    ASSAY_TRY(new_value(reader, ASSAY_VALUE_MAP, begin->start_mark, &map));
    ASSAY_TRY(keep_anchor(reader, begin->data.mapping_start.anchor, reader->open_anchor));
    for (;;) {
        ASSAY_AUTO(delete_event) yaml_event_t key_event = {0};
        ASSAY_AUTO(delete_event) yaml_event_t event = {0};
        const char *key = NULL;
        assay_value *item = NULL;
        ASSAY_TRY(next_event(reader, &key_event));
        if (key_event.type == YAML_MAPPING_END_EVENT)
            break;
        ASSAY_TRY(read_key(reader, &key_event, &key));
        ASSAY_TRY(next_event(reader, &event));
        ASSAY_TRY(read_node(reader, &event, depth, &item));
        ASSAY_TRY(assay_value_append_pair(map, key, item, reader->arena, reader->err));
        ASSAY_TRY(keep_mark(reader, map, map->count - 1, key_event.start_mark));
    }
    ASSAY_TRY(check_keys(reader, map));
    ASSAY_TRY(keep_anchor(reader, begin->data.mapping_start.anchor, map));
    *ret_value = map;
    return ASSAY_OK;
}

/* Reads the value that begins with `event`, `depth` levels below the document. */
static assay_status read_node(struct reader *reader, const yaml_event_t *event, int depth,
                              assay_value **ret_value)
{
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader, event, ret_value);
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(reader, event, depth, ret_value);
    if (depth >= ASSAY_YAML_DEPTH_MAX)
        return fail_limit(reader, event->start_mark, "nested deeper than 100 levels");
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_sequence(reader, event, depth + 1, ret_value);
    if (event->type == YAML_MAPPING_START_EVENT)
        return read_mapping(reader, event, depth + 1, ret_value);
    return fail(reader, event->start_mark, "a value is expected");
}

/* Reads the events of one stream: at most one document. */
static assay_status read_stream(struct reader *reader, assay_value **ret_value)
{
    assay_value *value = NULL;
    bool done = false;

    while (!done) {
        ASSAY_AUTO(delete_event) yaml_event_t event = {0};
        ASSAY_TRY(next_event(reader, &event));
        switch (event.type) {
        case YAML_DOCUMENT_START_EVENT:
            if (value != NULL)
                return fail(reader, event.start_mark, "more than one document");
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_ALIAS_EVENT:
        case YAML_SCALAR_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_START_EVENT:
        case YAML_MAPPING_END_EVENT:
            ASSAY_TRY(read_node(reader, &event, 0, &value));
            break;
        }
    }
    if (value == NULL)
        ASSAY_TRY(new_value(reader, ASSAY_VALUE_NULL, (yaml_mark_t){0, 0, 0}, &value));
    *ret_value = value;
    return ASSAY_OK;
}

/* libyaml reads NUL as the end of a text, and says little where the bytes are no UTF-8. */
static assay_status check_bytes(struct reader *reader)
{
    size_t at = 0;

    if (reader->size > BYTES_MAX)
        return fail_limit(reader, (yaml_mark_t){0, 0, 0}, "more than 16 MiB");
    while (at < reader->size) {
        size_t length = assay_str_sequence(reader->bytes + at, reader->size - at);
        if (length == 0)
            return fail_at_offset(reader, at, "not UTF-8");
        if (reader->bytes[at] == '\0')
            return fail_at_offset(reader, at, "a NUL character");
        at += length;
    }
    return ASSAY_OK;
}

static void skip_byte_order_mark(struct reader *reader)
{
    if (reader->size >= 3 && memcmp(reader->bytes, "\xEF\xBB\xBF", 3) == 0) {
        reader->bytes += 3;
        reader->size -= 3;
    }
}

assay_status assay_yaml_parse(const assay_yaml_source *source, assay_arena *arena,
                              assay_value **ret_value, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *anchors = assay_map_new();
    ASSAY_AUTO(yaml_parser_delete) yaml_parser_t parser = {0};
    struct reader reader = {.parser = &parser, .source = source, .arena = arena, .err = err};

    reader.anchors = anchors;
    reader.open_anchor = assay_value_null(arena);
    if (anchors == NULL || reader.open_anchor == NULL || yaml_parser_initialize(&parser) == 0)
        return assay_error_nomem(err);
    reader.bytes = source->bytes != NULL ? source->bytes : "";
    reader.size = source->bytes != NULL ? source->size : 0;
    skip_byte_order_mark(&reader);
    ASSAY_TRY(check_bytes(&reader));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)reader.bytes, reader.size);
    return read_stream(&reader, ret_value);
}
