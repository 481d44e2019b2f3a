/* Answers from the statistics of data files, without reading them (facts: quality.md section 8.1,
 * P1). Only files that assay wrote itself are believed, and only where every file of the table says
 * it. */
#include "quality/plan.h"

#include <string.h>

void assay_dq_proof_init(assay_dq_run *run)
{
    const assay_quality_request *request = run->request;

    run->own_files = request->files != NULL && request->schema != NULL;
    for (size_t i = 0; i < request->file_count && run->own_files; i++) {
        run->own_files = request->files[i].own && request->files[i].rows >= 0 &&
                         request->files[i].deleted_count == 0;
        run->file_rows += request->files[i].rows;
    }
}

static bool is_usable(const assay_dq_run *run, const assay_dq_plan *plan)
{
    return run->own_files && plan->whole;
}

const char *assay_dq_proof_rows(assay_dq_run *run, const assay_dq_plan *plan)
{
    if (!is_usable(run, plan))
        return NULL;
    return assay_dq_sql(run, "%lld::BIGINT", (long long)run->file_rows);
}

/* Values of one file that are missing; -1 = not known. NaN counts as missing in floating columns.
 */
static int64_t missing_in(const assay_data_file *file, const assay_dq_column *column)
{
    const assay_column_stats *stats = assay_data_file_stats(file, column->field->id);
    bool floating = column->family == ASSAY_DQ_FLOAT || column->family == ASSAY_DQ_DOUBLE;

    if (file->rows == 0)
        return 0;
    if (stats == NULL || stats->null_count < 0 || (floating && stats->nan_count < 0))
        return -1;
    return stats->null_count + (floating ? stats->nan_count : 0);
}

const char *assay_dq_proof_values(assay_dq_run *run, const assay_dq_plan *plan,
                                  const assay_dq_column *column)
{
    int64_t missing = 0;

    if (!is_usable(run, plan) || column->field == NULL)
        return NULL;
    for (size_t i = 0; i < run->request->file_count; i++) {
        int64_t here = missing_in(&run->request->files[i], column);
        if (here < 0 || here > run->request->files[i].rows)
            return NULL;
        missing += here;
    }
    return assay_dq_sql(run, "%lld::BIGINT", (long long)(run->file_rows - missing));
}

/* The smallest lower or largest upper bound of all files; false where one is not known. A file
 * whose values are all missing has no bound and does not matter. */
static bool extreme(const assay_dq_run *run, const assay_dq_column *column, bool upper,
                    assay_datum *ret_datum)
{
    assay_datum best = {0};

    for (size_t i = 0; i < run->request->file_count; i++) {
        const assay_data_file *file = &run->request->files[i];
        const assay_column_stats *stats = assay_data_file_stats(file, column->field->id);
        const assay_datum *bound = NULL;
        int64_t missing = missing_in(file, column);
        if (missing < 0)
            return false;
        if (missing == file->rows)
            continue;
        if ((column->family == ASSAY_DQ_FLOAT || column->family == ASSAY_DQ_DOUBLE) &&
            stats->nan_count != 0)
            return false;
        bound = upper ? &stats->upper : &stats->lower;
        if (!bound->known || bound->null || bound->kind != column->field->type.kind)
            return false;
        if (!best.known ||
            (upper ? assay_datum_compare(bound, &best) > 0 : assay_datum_compare(bound, &best) < 0))
            best = *bound;
    }
    *ret_datum = best;
    return true;
}

/* Formats may keep moments in milliseconds, cut: the bound is widened by what can be missing. */
static void widen(assay_datum *datum, bool upper)
{
    const int64_t millisecond = 999;

    if (datum->kind == ASSAY_TYPE_TIMESTAMP || datum->kind == ASSAY_TYPE_TIMESTAMPTZ)
        datum->integer += upper ? millisecond : -millisecond;
}

static const char *datum_sql(assay_dq_run *run, const assay_datum *datum,
                             const assay_dq_column *column)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_datum_append_sql(&buf, datum, &column->field->type);
    return assay_dq_sql(run, "CAST(%s AS %s)", assay_dq_keep(run, &buf), column->type);
}

/* Kinds whose bounds no format cuts or rounds. */
static bool is_exact(assay_type_kind kind)
{
    return kind == ASSAY_TYPE_INT8 || kind == ASSAY_TYPE_INT16 || kind == ASSAY_TYPE_INT32 ||
           kind == ASSAY_TYPE_INT64 || kind == ASSAY_TYPE_DATE || kind == ASSAY_TYPE_DECIMAL;
}

/* Kinds whose bounds hold at all. */
static bool is_bounded(assay_type_kind kind)
{
    return is_exact(kind) || kind == ASSAY_TYPE_FLOAT || kind == ASSAY_TYPE_DOUBLE ||
           kind == ASSAY_TYPE_TIMESTAMP || kind == ASSAY_TYPE_TIMESTAMPTZ;
}

const char *assay_dq_proof_bound(assay_dq_run *run, const assay_dq_plan *plan,
                                 const assay_dq_column *column, bool upper)
{
    assay_datum datum = {0};

    if (!is_usable(run, plan) || column->field == NULL || column->field->original != NULL ||
        !is_exact(column->field->type.kind) || !extreme(run, column, upper, &datum))
        return NULL;
    if (!datum.known)
        return assay_dq_sql(run, "CAST(NULL AS %s)", column->type);
    return datum_sql(run, &datum, column);
}

bool assay_dq_proof_range(assay_dq_run *run, const assay_dq_plan *plan,
                          const assay_dq_column *column, const char **ret_min, const char **ret_max)
{
    assay_datum low = {0};
    assay_datum high = {0};

    if (!is_usable(run, plan) || column->field == NULL || column->field->original != NULL ||
        !is_bounded(column->field->type.kind) || !extreme(run, column, false, &low) ||
        !extreme(run, column, true, &high) || !low.known || !high.known)
        return false;
    widen(&low, false);
    widen(&high, true);
    *ret_min = datum_sql(run, &low, column);
    *ret_max = datum_sql(run, &high, column);
    return true;
}
