#include "lib/environment.h"

#include <stdlib.h>
#include <string.h>

#include "adbc/adbc.h"
#include "base/path.h"
#include "pipeline/project.h"

/* The text alone is looked at: a word too many costs one exec. */
static bool mentions(const char *root, const char *path, const char *word, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *whole = assay_path_join(arena, root, path);

    return whole != NULL &&
           assay_path_read(whole, ASSAY_CONFIG_FILE_MAX, &text, NULL) == ASSAY_OK &&
           strstr(assay_buf_text(&text), word) != NULL;
}

static bool is_set(const char *assignment)
{
    char name[64];
    size_t length = strcspn(assignment, "=");

    if (length >= sizeof name)
        return false;
    memcpy(name, assignment, length);
    name[length] = '\0';
    return getenv(name) != NULL;
}

const char *const *assay_environment_missing(const char *start, bool exact, assay_arena *arena)
{
    const char *root = NULL;
    bool missing = false;

    for (size_t i = 0; assay_adbc_environment[i] != NULL; i++)
        missing = missing || !is_set(assay_adbc_environment[i]);
    if (!missing || assay_project_find(start, exact, arena, &root, NULL) != ASSAY_OK)
        return NULL;
    if (!mentions(root, "config/connections.yaml", "snowflake", arena) &&
        !mentions(root, "assay.yaml", "snowflake", arena))
        return NULL;
    return assay_adbc_environment;
}
