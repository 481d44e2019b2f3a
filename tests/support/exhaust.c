#include "support/exhaust.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RUNS_MAX = 100000 };

void exhaust_allocations(exhaust_body *body, void *user)
{
    for (size_t nth = 1; nth < RUNS_MAX; nth++) {
        assay_error err = {0};
        assay_mem_fail_at(nth);
        size_t before = assay_mem_count();
        assay_status status = body(user, &err);
        bool failed = assay_mem_count() - before >= nth;
        assay_mem_fail_at(0);
        if (!failed) {
            assert_int_equal(status, ASSAY_OK);
            return;
        }
        if (status != ASSAY_ENOMEM)
            fail_msg("allocation %zu failed, status is %s: %s", nth, assay_status_name(status),
                     err.message);
        assert_int_equal(err.number, 1001);
    }
    fail_msg("%s", "the body never ran through");
}
