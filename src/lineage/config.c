#include "lineage/config.h"

#include "base/path.h"
#include "base/str.h"
#include "base/uuid.h"
#include "config/read.h"
#include "text/json.h"

#include <ctype.h>
#include <string.h>

enum {
    DEFAULT_TIMEOUT_MS = 5000,
    DEFAULT_WAIT_MS = 300,
    DEFAULT_WAIT_MAX_MS = 30000,
    TIMEOUT_MAX_MS = 600000
};
static const uint64_t default_spool_limit = 1024U * 1024U * 1024U;

static const struct {
    const char *name;
    assay_lineage_backend backend;
} backends[] = {
    {"http", ASSAY_LINEAGE_HTTP},       {"openlineage", ASSAY_LINEAGE_HTTP},
    {"marquez", ASSAY_LINEAGE_HTTP},    {"file", ASSAY_LINEAGE_FILE},
    {"console", ASSAY_LINEAGE_CONSOLE}, {"none", ASSAY_LINEAGE_NONE},
    {"noop", ASSAY_LINEAGE_NONE},
};

/* Transports of the official clients that assay does not have. */
static const char *const not_built[] = {
    "kafka",        "kinesis",   "s3",         "gcs",
    "gcplineage",   "datadog",   "datazone",   "amazon_datazone_api",
    "composite",    "transform", "async_http", "datahub",
    "openmetadata",
};

/* One load: what all of its functions use. */
struct load {
    const assay_lineage_source *source;
    assay_arena *arena;
    assay_lineage_config *config;
};

static const char *variable(const struct load *load, const char *name)
{
    if (load->source->environment == NULL)
        return NULL;
    const char *value = load->source->environment(load->source->environment_user, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *non_empty(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static assay_status refuse(const struct load *load, const assay_value *map, const char *key,
                           const char *message, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 6001,
                          assay_config_place(map, key, load->source->path), "%s", message);
}

static assay_status unknown_backend(const struct load *load, const assay_value *map,
                                    const char *key, const char *text, assay_error *err)
{
    const char *names[sizeof backends / sizeof *backends];
    assay_place place = assay_config_place(map, key, load->source->path);

    for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++)
        if (assay_str_equal_ci(text, not_built[i]))
            return assay_error_at(
                err, ASSAY_EUNSUPPORTED, 6002, place,
                "the lineage backend '%s' is not built in this version; built are "
                "http, file and console",
                text);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        names[i] = backends[i].name;
    const char *nearest = assay_str_nearest(text, names, sizeof names / sizeof *names);
    if (nearest != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 6001, place,
                              "unknown lineage backend '%s'; did you mean '%s'", text, nearest);
    return assay_error_at(err, ASSAY_ECONFIG, 6001, place,
                          "unknown lineage backend '%s'; there are http (also openlineage, "
                          "marquez), file, console and none",
                          text);
}

static assay_status read_backend(const struct load *load, const assay_value *map, const char *key,
                                 assay_lineage_backend *ret_backend, assay_error *err)
{
    const char *text = non_empty(assay_config_text(map, key, NULL));

    if (text == NULL) {
        *ret_backend = ASSAY_LINEAGE_NONE;
        if (non_empty(assay_config_text(map, "path", NULL)) != NULL)
            *ret_backend = ASSAY_LINEAGE_FILE;
        if (non_empty(assay_config_text(map, "url", NULL)) != NULL ||
            (*ret_backend == ASSAY_LINEAGE_NONE && variable(load, "OPENLINEAGE_URL") != NULL))
            *ret_backend = ASSAY_LINEAGE_HTTP;
        return ASSAY_OK;
    }
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (assay_str_equal_ci(text, backends[i].name)) {
            *ret_backend = backends[i].backend;
            return ASSAY_OK;
        }
    return unknown_backend(load, map, key, text, err);
}

/* ---- http ---- */

static assay_status check_url(const struct load *load, const assay_value *map, const char *url,
                              assay_error *err)
{
    const char *rest = NULL;

    if (assay_str_starts(url, "http://"))
        rest = url + strlen("http://");
    else if (assay_str_starts(url, "https://"))
        rest = url + strlen("https://");
    if (rest == NULL || rest[0] == '\0' || rest[0] == '/')
        return refuse(load, map, "url",
                      "the url of a lineage backend begins with http:// or "
                      "https:// and names a host",
                      err);
    if (memchr(rest, '@', strcspn(rest, "/?#")) != NULL)
        return refuse(load, map, "url",
                      "the url of a lineage backend holds a user or a password; "
                      "use api_key or headers",
                      err);
    for (const char *at = url; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == '\x7f' || *at == '"')
            return refuse(load, map, "url",
                          "the url of a lineage backend holds a blank, a quote "
                          "or a control character",
                          err);
    return ASSAY_OK;
}

static assay_status read_url(const struct load *load, const assay_value *map,
                             assay_lineage_transport *transport, assay_error *err)
{
    const char *url = non_empty(assay_config_text(map, "url", NULL));
    const char *endpoint = non_empty(assay_config_text(map, "endpoint", NULL));

    if (url == NULL)
        url = variable(load, "OPENLINEAGE_URL");
    if (url == NULL)
        return refuse(load, map, "backend",
                      "a lineage backend over http needs `url` (or "
                      "OPENLINEAGE_URL)",
                      err);
    if (endpoint == NULL)
        endpoint = variable(load, "OPENLINEAGE_ENDPOINT");
    if (endpoint == NULL)
        endpoint = "api/v1/lineage";
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    while (*endpoint == '/')
        endpoint++;
    transport->url = assay_arena_format(load->arena, "%.*s/%s", (int)length, url, endpoint);
    ASSAY_TRY(assay_arena_check(transport->url, err));
    return check_url(load, map, transport->url, err);
}

static bool is_header_name(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr("!#$%&'*+-.^_`|~", *text) == NULL)
            return false;
    return true;
}

static bool is_header_value(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == '\x7f')
            return false;
    return true;
}

static assay_status read_headers(const struct load *load, const assay_value *map,
                                 assay_lineage_transport *transport, assay_error *err)
{
    const assay_value *headers = assay_config_find(map, "headers");

    if (headers == NULL || headers->count == 0)
        return ASSAY_OK;
    const char **lines = assay_arena_take(load->arena, headers->count + 1, sizeof *lines);
    ASSAY_TRY(assay_arena_check(lines, err));
    for (size_t i = 0; i < headers->count; i++) {
        const char *value = assay_config_scalar(headers->items[i]);
        if (value == NULL || !is_header_name(headers->keys[i]) || !is_header_value(value))
            return refuse(load, headers, headers->keys[i], "not a header of HTTP", err);
        lines[i] = assay_arena_format(load->arena, "%s: %s", headers->keys[i], value);
        ASSAY_TRY(assay_arena_check(lines[i], err));
    }
    transport->headers = lines;
    return ASSAY_OK;
}

static assay_status read_http(const struct load *load, const assay_value *map,
                              assay_lineage_transport *transport, assay_error *err)
{
    static const char *const compressions[] = {"none", "gzip", NULL};
    const assay_value *retry = assay_config_find(map, "retry");
    int64_t timeout = assay_config_duration_ms(map, "timeout", DEFAULT_TIMEOUT_MS);

    ASSAY_TRY(read_url(load, map, transport, err));
    transport->api_key = non_empty(assay_config_text(map, "api_key", NULL));
    if (transport->api_key == NULL)
        transport->api_key = variable(load, "OPENLINEAGE_API_KEY");
    if (transport->api_key != NULL && !is_header_value(transport->api_key))
        return refuse(load, map, "api_key", "api_key holds a control character", err);
    ASSAY_TRY(read_headers(load, map, transport, err));
    if (timeout < 1 || timeout > TIMEOUT_MAX_MS)
        return refuse(load, map, "timeout", "timeout lies between 1 ms and 10 minutes", err);
    transport->timeout_ms = (int)timeout;
    transport->gzip = assay_config_enum(map, "compression", compressions, 0) == 1;
    transport->insecure = !assay_config_bool(map, "verify", true);
    transport->wait_ms = assay_config_duration_ms(retry, "wait", DEFAULT_WAIT_MS);
    transport->wait_max_ms = assay_config_duration_ms(retry, "max_wait", DEFAULT_WAIT_MAX_MS);
    if (transport->wait_ms < 1 || transport->wait_max_ms < transport->wait_ms)
        return refuse(load, map, "retry", "wait is at least 1 ms and not longer than max_wait",
                      err);
    return ASSAY_OK;
}

/* ---- transports ---- */

static assay_status read_name(const struct load *load, const assay_value *map,
                              assay_lineage_transport *transport, assay_error *err)
{
    static const char *const defaults[] = {"none", "http", "file", "console"};
    const char *name = non_empty(assay_config_text(map, "name", NULL));
    const assay_lineage_config *config = load->config;
    size_t same = 1;

    transport->name = name != NULL ? name : defaults[transport->backend];
    for (const char *at = transport->name; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
            return refuse(load, map, "name", "the name of a transport has letters, digits, - and _",
                          err);
    for (size_t i = 0; i < config->transport_count; i++)
        if (config->transports[i].backend == transport->backend)
            same++;
    if (name == NULL && same > 1) {
        transport->name = assay_arena_format(load->arena, "%s-%zu", transport->name, same);
        ASSAY_TRY(assay_arena_check(transport->name, err));
    }
    for (size_t i = 0; i < config->transport_count; i++)
        if (assay_str_equal_ci(config->transports[i].name, transport->name))
            return refuse(load, map, "name", "two transports have the same name", err);
    return ASSAY_OK;
}

static assay_status add_transport(const struct load *load, const assay_value *map, const char *key,
                                  assay_error *err)
{
    assay_lineage_config *config = load->config;
    assay_lineage_transport transport = {.backend = ASSAY_LINEAGE_NONE,
                                         .wait_ms = DEFAULT_WAIT_MS,
                                         .wait_max_ms = DEFAULT_WAIT_MAX_MS};

    ASSAY_TRY(read_backend(load, map, key, &transport.backend, err));
    if (transport.backend == ASSAY_LINEAGE_NONE)
        return ASSAY_OK;
    ASSAY_TRY(read_name(load, map, &transport, err));
    if (transport.backend == ASSAY_LINEAGE_HTTP)
        ASSAY_TRY(read_http(load, map, &transport, err));
    if (transport.backend == ASSAY_LINEAGE_FILE) {
        const char *path = non_empty(assay_config_text(map, "path", NULL));
        if (path == NULL)
            return refuse(load, map, key, "the lineage backend 'file' needs `path`", err);
        transport.path = assay_path_normal(load->arena, load->source->root, path);
        ASSAY_TRY(assay_arena_check(transport.path, err));
    }
    config->transports[config->transport_count++] = transport;
    return ASSAY_OK;
}

static assay_status read_transports(const struct load *load, assay_error *err)
{
    const assay_value *tree = load->source->tree;
    const assay_value *list = assay_config_find(tree, "transports");
    size_t count = list != NULL ? list->count : 0;

    if (count > ASSAY_LINEAGE_TRANSPORTS_MAX)
        return refuse(load, tree, "transports", "there are more transports than 16", err);
    load->config->transports =
        assay_arena_take(load->arena, count + 1, sizeof *load->config->transports);
    ASSAY_TRY(assay_arena_check(load->config->transports, err));
    if (count == 0 || assay_config_find(tree, "backend") != NULL)
        ASSAY_TRY(add_transport(load, tree, "backend", err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(add_transport(load, list->items[i], "type", err));
    if (load->config->transport_count == 0 && assay_config_find(tree, "backend") == NULL &&
        assay_config_find(tree, "enabled") != NULL)
        return refuse(load, tree, "enabled", "lineage is enabled and no backend is named", err);
    return ASSAY_OK;
}

static assay_status read_datasets(const struct load *load, assay_error *err)
{
    const assay_value *list = assay_config_find(load->source->tree, "datasets");
    assay_lineage_config *config = load->config;

    if (list == NULL || list->count == 0)
        return ASSAY_OK;
    if (list->count > ASSAY_LINEAGE_DATASETS_MAX)
        return refuse(load, load->source->tree, "datasets", "there are more datasets than 10,000",
                      err);
    config->datasets = assay_arena_take(load->arena, list->count, sizeof *config->datasets);
    ASSAY_TRY(assay_arena_check(config->datasets, err));
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        const char *name = assay_config_text(item, "name", "");
        if (name[0] == '\0')
            return refuse(load, item, "name", "a dataset's name is empty", err);
        if (assay_lineage_config_dataset(config, name) != NULL)
            return refuse(load, item, "name", "two datasets have the same name", err);
        config->datasets[config->dataset_count++] = (assay_lineage_dataset_config){
            .name = name,
            .location = non_empty(assay_config_text(item, "location", NULL)),
            .layer = non_empty(assay_config_text(item, "layer", NULL)),
            .source = non_empty(assay_config_text(item, "source", NULL))};
    }
    return ASSAY_OK;
}

/* ---- the run that started us ---- */

static bool is_uuid(const char *text)
{
    assay_uuid uuid;
    return text != NULL && assay_uuid_parse(text, &uuid);
}

/* "namespace/job/runId"; a namespace may hold slashes itself. */
static assay_status read_parent_id(const struct load *load, const char *name,
                                   assay_lineage_run_ref *ret_ref, assay_error *err)
{
    const char *text = variable(load, name);
    const char *run = text != NULL ? strrchr(text, '/') : NULL;

    if (run == NULL || !is_uuid(run + 1))
        return ASSAY_OK;
    char *head = assay_arena_text_n(load->arena, text, (size_t)(run - text));
    ASSAY_TRY(assay_arena_check(head, err));
    char *job = strrchr(head, '/');
    if (job == NULL || job == head || job[1] == '\0')
        return ASSAY_OK;
    *job = '\0';
    *ret_ref = (assay_lineage_run_ref){run + 1, head, job + 1};
    return ASSAY_OK;
}

static void read_context_ref(const assay_value *value, assay_lineage_run_ref *ret_ref)
{
    const assay_value *job = assay_value_find(value, "job");
    assay_lineage_run_ref ref = {assay_value_find_text(assay_value_find(value, "run"), "runId",
                                                       NULL),
                                 assay_value_find_text(job, "namespace", NULL),
                                 assay_value_find_text(job, "name", NULL)};

    if (is_uuid(ref.run_id) && ref.namespace != NULL && ref.name != NULL)
        *ret_ref = ref;
}

/* OPENLINEAGE_CONTEXT wins over the two older variables. What another program wrote there wrongly
 * is no reason to stop a run. */
static assay_status read_parent(const struct load *load, assay_error *err)
{
    const char *context = variable(load, "OPENLINEAGE_CONTEXT");
    assay_lineage_config *config = load->config;
    assay_value *value = NULL;

    ASSAY_TRY(read_parent_id(load, "OPENLINEAGE_PARENT_ID", &config->parent, err));
    ASSAY_TRY(read_parent_id(load, "OPENLINEAGE_ROOT_PARENT_ID", &config->root, err));
    if (context != NULL && assay_json_parse(context, strlen(context), "OPENLINEAGE_CONTEXT",
                                            load->arena, &value, NULL) == ASSAY_OK) {
        const assay_value *parent = assay_value_find(value, "parent");
        read_context_ref(parent, &config->parent);
        read_context_ref(assay_value_find(parent, "root"), &config->root);
    }
    if (config->root.run_id == NULL)
        config->root = config->parent;
    return ASSAY_OK;
}

static bool is_true(const char *text)
{
    return text != NULL && (assay_str_equal_ci(text, "true") || assay_str_equal(text, "1"));
}

static assay_status read_all(const struct load *load, assay_error *err)
{
    const assay_value *tree = load->source->tree;
    assay_lineage_config *config = load->config;

    config->enabled = assay_config_bool(tree, "enabled", true) &&
                      !is_true(variable(load, "OPENLINEAGE_DISABLED"));
    config->namespace = non_empty(assay_config_text(tree, "namespace", NULL));
    if (config->namespace == NULL)
        config->namespace = variable(load, "OPENLINEAGE_NAMESPACE");
    if (config->namespace == NULL)
        config->namespace = non_empty(load->source->project);
    if (config->namespace == NULL)
        config->namespace = "default";
    config->spool_limit =
        (int64_t)(assay_config_size(tree, "spool_limit", default_spool_limit) & INT64_MAX);
    ASSAY_TRY(read_datasets(load, err));
    ASSAY_TRY(read_parent(load, err));
    /* A switched off config may be incomplete: ${LINEAGE_URL:-} of a developer's machine. */
    if (config->enabled)
        ASSAY_TRY(read_transports(load, err));
    config->enabled = config->enabled && config->transport_count > 0;
    return ASSAY_OK;
}

assay_status assay_lineage_config_load(const assay_lineage_source *source, assay_arena *arena,
                                       assay_lineage_config **ret_config, assay_error *err)
{
    assay_lineage_config *config = assay_arena_take(arena, 1, sizeof *config);
    ASSAY_TRY(assay_arena_check(config, err));

    const struct load load = {source, arena, config};
    if (source->tree != NULL)
        ASSAY_TRY(
            assay_config_check(source->tree, assay_lineage_config_table(), source->path, err));
    ASSAY_TRY(read_all(&load, err));
    *ret_config = config;
    return ASSAY_OK;
}

const assay_lineage_dataset_config *assay_lineage_config_dataset(const assay_lineage_config *config,
                                                                 const char *name)
{
    for (size_t i = 0; i < config->dataset_count; i++)
        if (assay_str_equal(config->datasets[i].name, name))
            return &config->datasets[i];
    return NULL;
}
