/* Read before every file by clang-tidy only (tools/lintlib/tidy.py): tells the analyzer, which does
 * not look into base/error.c, that a failure is never ASSAY_OK. */
#include "base/error.h"

#define assay_error_nomem(err) (assay_error_nomem(err), ASSAY_ENOMEM)
#define assay_error_set(err, code, ...) (assay_error_set(err, code, __VA_ARGS__), (code))
#define assay_error_at(err, code, ...) (assay_error_at(err, code, __VA_ARGS__), (code))
#define assay_error_errno(...) (assay_error_errno(__VA_ARGS__), ASSAY_EIO)
#define assay_error_wrap(...) (assay_error_wrap(__VA_ARGS__), ASSAY_EINTERNAL)
