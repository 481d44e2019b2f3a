#include "config/file.h"

#include "base/path.h"
#include "config/read.h"

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
