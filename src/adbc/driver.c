#include "adbc/driver.h"

#include <dlfcn.h>
#include <string.h>

/* Wheels are zip files; no Python is needed to take the library out of one. */
static const assay_adbc_kind kinds[] = {
    {ASSAY_CONNECTION_POSTGRES, "postgresql", "libadbc_driver_postgresql.so",
     "`dbc install postgresql`, or `pip download --no-deps adbc-driver-postgresql` and unzip it"},
    {ASSAY_CONNECTION_SNOWFLAKE, "snowflake", "libadbc_driver_snowflake.so",
     "`dbc install snowflake`, or `pip download --no-deps adbc-driver-snowflake` and unzip it"},
};

const char *const assay_adbc_environment[] = {
    /* Else login asks metadata addresses and name servers which cloud this is. */
    "SNOWFLAKE_DISABLE_PLATFORM_DETECTION=true",
    /* Else login unpacks and loads a library of its own. */
    "SF_DISABLE_MINICORE=true",
    NULL,
};

assay_status assay_adbc_kind_of(const assay_connection_config *connection,
                                const assay_adbc_kind **ret_kind, assay_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].connection == connection->kind) {
            *ret_kind = &kinds[i];
            return ASSAY_OK;
        }
    }
    return assay_error_at(err, ASSAY_EUNSUPPORTED, 3103, connection->place,
                          "the connection '%s' of type %s has no ADBC driver", connection->name,
                          connection->type);
}

static assay_status fail_load(const assay_adbc_library *library, const char *cause,
                              assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFIG, 3102, "cannot load the driver '%s': %s",
                           library->path, cause != NULL ? cause : "the cause is not known");
}

assay_status assay_adbc_load(const assay_adbc_library *library, struct AdbcDriver *driver,
                             assay_error *err)
{
    const char *entrypoint = library->entrypoint != NULL ? library->entrypoint : "AdbcDriverInit";
    AdbcDriverInitFunc init = NULL;
    struct AdbcError error = ADBC_ERROR_INIT;

    /* There is no dlclose: a Go runtime cannot be unloaded. A second dlopen gives the same one. */
    void *handle = dlopen(library->path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return fail_load(library, dlerror(), err);
    void *symbol = dlsym(handle, entrypoint);
    if (symbol == NULL)
        return fail_load(library, dlerror(), err);
    /* ISO C has no way from void * to a function; POSIX (dlsym) says that the bytes are the same.
     */
    memcpy(&init, &symbol, sizeof init);
    memset(driver, 0, sizeof *driver);
    if (init(ADBC_VERSION_1_1_0, driver, &error) == ADBC_STATUS_OK)
        return ASSAY_OK;
    assay_status status = fail_load(library, error.message, err);
    if (error.release != NULL)
        error.release(&error);
    return status;
}

assay_status assay_adbc_find_driver(const assay_adbc_request *request, assay_arena *arena,
                                    const char **ret_path, assay_error *err)
{
    const assay_adbc_kind *kind = NULL;
    assay_adbc_library library = {NULL, NULL};

    ASSAY_TRY(assay_adbc_kind_of(request->connection, &kind, err));
    ASSAY_TRY(assay_adbc_search(request, kind, arena, &library, err));
    *ret_path = library.path;
    return ASSAY_OK;
}
