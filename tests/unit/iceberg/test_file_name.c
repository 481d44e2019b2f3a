#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "iceberg/file_name.h"

static void metadata_files_are_told_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        assay_iceberg_name_kind kind;
        int64_t number;
    } NAMES[] = {
        {"v1.metadata.json", ASSAY_ICEBERG_NAME_VERSIONED, 1},
        {"v0.metadata.json", ASSAY_ICEBERG_NAME_VERSIONED, 0},
        {"v12.gz.metadata.json", ASSAY_ICEBERG_NAME_VERSIONED, 12},
        {"v12.metadata.json.gz", ASSAY_ICEBERG_NAME_VERSIONED, 12},
        {"00007-2f3a-77.metadata.json", ASSAY_ICEBERG_NAME_NUMBERED, 7},
        {"123456-x.gz.metadata.json", ASSAY_ICEBERG_NAME_NUMBERED, 123456},
        {"v.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"v-1.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"v1x.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"v1-x.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"17.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"-x.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"m3-4.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"v9999999999999999999.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {"9999999999999999999-x.metadata.json", ASSAY_ICEBERG_NAME_OTHER, -1},
        {".metadata.json", ASSAY_ICEBERG_NAME_NONE, -1},
        {"v1.json", ASSAY_ICEBERG_NAME_NONE, -1},
        {"version-hint.text", ASSAY_ICEBERG_NAME_NONE, -1},
        {"", ASSAY_ICEBERG_NAME_NONE, -1},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        int64_t number = 99;
        assay_iceberg_name_kind kind = assay_iceberg_name_of(NAMES[i].name, &number);
        if (kind != NAMES[i].kind || number != NAMES[i].number)
            fail_msg("'%s' is %d with %lld", NAMES[i].name, (int)kind, (long long)number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_files_are_told_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
