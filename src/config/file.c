#include "config/file.h"

#include "base/path.h"
#include "base/str.h"
#include "config/read.h"

#include <string.h>

const char *assay_variables_lookup(void *user, const char *name)
{
    const assay_variables *variables = user;
    const char *text = assay_config_text(variables->target, name, NULL);

    if (text == NULL)
        text = assay_config_text(variables->project, name, NULL);
    if (text == NULL && variables->environment != NULL)
        text = variables->environment(variables->environment_user, name);
    return text;
}

/* config/dq.yml would be a file that nobody reads. */
static assay_status refuse_yml(const char *root, const char *path, assay_arena *arena,
                               assay_error *err)
{
    size_t size = strlen(path);
    assay_path_info info;

    if (!assay_str_ends(path, ".yaml"))
        return ASSAY_OK;
    const char *other = assay_arena_format(arena, "%.*s.yml", (int)(size - strlen(".yaml")), path);
    ASSAY_TRY(assay_arena_check(other, err));
    const char *full = assay_path_join(arena, root, other);
    ASSAY_TRY(assay_arena_check(full, err));
    ASSAY_TRY(assay_path_stat(full, &info, err));
    if (!info.exists)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 1213, (assay_place){other, 0, 0},
                          "'%s' is not read: its name must be '%s'", other, path);
}

assay_status assay_config_file_load(const char *root, const char *path, bool optional,
                                    assay_variables *variables, assay_arena *arena,
                                    assay_value **ret_tree, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *tree = NULL;
    assay_path_info info;
    const char *full = assay_path_join(arena, root, path);

    ASSAY_TRY(assay_arena_check(full, err));
    ASSAY_TRY(assay_path_stat(full, &info, err));
    if (!info.exists) {
        *ret_tree = NULL;
        ASSAY_TRY(refuse_yml(root, path, arena, err));
        if (optional)
            return ASSAY_OK;
        return assay_error_at(err, ASSAY_ECONFIG, 1210, (assay_place){path, 0, 0},
                              "there is no file '%s' in the project '%s'", path, root);
    }
    if (info.is_directory)
        return assay_error_at(err, ASSAY_ECONFIG, 1211, (assay_place){path, 0, 0},
                              "'%s' is a folder, not a file", path);
    if (info.size > ASSAY_CONFIG_FILE_MAX)
        return assay_error_at(err, ASSAY_ECONFIG, 1212, (assay_place){path, 0, 0},
                              "'%s' is larger than %d bytes", path, ASSAY_CONFIG_FILE_MAX);

    assay_status status = assay_path_read(full, ASSAY_CONFIG_FILE_MAX, &text, err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "reading '%s'", path);

    assay_yaml_source source = {assay_buf_text(&text), text.size, path, 1, 1};
    ASSAY_TRY(assay_yaml_parse(&source, arena, &tree, err));
    if (variables != NULL)
        ASSAY_TRY(assay_template_expand(tree, path, assay_variables_lookup, variables, arena, err));
    *ret_tree = tree;
    return ASSAY_OK;
}
