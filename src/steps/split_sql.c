/* The queries that tell rows which break a rule. */
#include "base/str.h"
#include "steps/split.h"

void assay_split_append_marked(assay_buf *buf, const assay_split *split, const char *relation)
{
    bool first = true;

    assay_buf_append_text(buf, "SELECT " ASSAY_MASK_ALIAS ".*, list_filter([");
    for (size_t i = 0; i < split->count; i++) {
        if (split->rules[i].mask == NULL || split->rules[i].mask->broken == NULL)
            continue;
        assay_buf_append_format(buf, "%sCASE WHEN %s THEN %zu END", first ? "" : ", ",
                                split->rules[i].mask->broken, i);
        first = false;
    }
    assay_buf_append_format(buf,
                            "]::INTEGER[], lambda r: r IS NOT NULL) AS __assay_rules FROM (%s) "
                            "AS " ASSAY_MASK_ALIAS,
                            relation);
}

/* The key of each row that takes part: SELECT [positions,] k0, k1 .. [, order columns] */
static void append_keys(assay_buf *buf, const assay_mask_rule *mask, const char *relation,
                        const char *more)
{
    assay_buf_append_format(buf, "SELECT %s", more);
    for (size_t i = 0; i < mask->key_count; i++)
        assay_buf_append_format(buf, "%s%s AS \"__assay_k%zu\"",
                                i > 0 || more[0] != '\0' ? ", " : "", mask->key[i], i);
    assay_buf_append_format(buf, " FROM (%s) AS " ASSAY_MASK_ALIAS, relation);
    if (mask->kept != NULL)
        assay_buf_append_format(buf, " WHERE %s", mask->kept);
}

static void append_key_names(assay_buf *buf, const assay_mask_rule *mask)
{
    for (size_t i = 0; i < mask->key_count; i++)
        assay_buf_append_format(buf, "%s\"__assay_k%zu\"", i > 0 ? ", " : "", i);
}

/* "a.k0 IS NOT DISTINCT FROM b.k0 AND .." */
static void append_same_key(assay_buf *buf, const assay_mask_rule *mask, const char *a,
                            const char *b)
{
    for (size_t i = 0; i < mask->key_count; i++)
        assay_buf_append_format(buf,
                                "%s%s.\"__assay_k%zu\" IS NOT DISTINCT FROM %s.\"__assay_k%zu\"",
                                i > 0 ? " AND " : "", a, i, b, i);
}

void assay_split_append_repeated(assay_buf *buf, const assay_split *split, size_t index,
                                 const char *relation)
{
    const assay_mask_rule *mask = split->rules[index].mask;

    assay_buf_append_text(buf, "CREATE OR REPLACE TEMP TABLE " ASSAY_SPLIT_REPEATED " AS SELECT ");
    append_key_names(buf, mask);
    assay_buf_append_text(buf, " FROM (");
    append_keys(buf, mask, relation, "");
    assay_buf_append_text(buf, ") GROUP BY ALL HAVING count(*) > 1");
}

void assay_split_append_copies(assay_buf *buf, const assay_split *split, size_t index,
                               const char *relation, const char *order)
{
    const assay_mask_rule *mask = split->rules[index].mask;

    assay_buf_append_format(buf,
                            "SELECT __assay_file, __assay_row, %zu FROM (SELECT __assay_file, "
                            "__assay_row, row_number() OVER (PARTITION BY ",
                            index);
    append_key_names(buf, mask);
    assay_buf_append_format(buf, " ORDER BY %s) AS __assay_n FROM (", order);
    append_keys(buf, mask, relation, ASSAY_MASK_ALIAS ".*");
    assay_buf_append_text(buf, ") AS s WHERE EXISTS (SELECT 1 FROM " ASSAY_SPLIT_REPEATED
                               " AS d WHERE ");
    append_same_key(buf, mask, "d", "s");
    assay_buf_append_text(buf, ")) WHERE __assay_n > 1");
}

void assay_split_append_taken(assay_buf *buf, const assay_split *split, size_t index,
                              const char *relation, const char *base)
{
    const assay_mask_rule *mask = split->rules[index].mask;

    assay_buf_append_format(buf, "SELECT __assay_file, __assay_row, %zu FROM (", index);
    append_keys(buf, mask, relation, "__assay_file, __assay_row");
    assay_buf_append_text(buf, ") AS s WHERE EXISTS (SELECT 1 FROM (");
    append_keys(buf, mask, base, "");
    assay_buf_append_text(buf, ") AS d WHERE ");
    append_same_key(buf, mask, "d", "s");
    assay_buf_append_char(buf, ')');
}

void assay_split_append_also(assay_buf *buf, const assay_split *split, size_t index,
                             const char *good)
{
    const assay_mask_rule *mask = split->rules[index].mask;

    assay_buf_append_format(buf,
                            "UPDATE " ASSAY_SPLIT_ROWS " AS " ASSAY_MASK_ALIAS
                            " SET __assay_rules = list_append(__assay_rules, %zu) WHERE %s AND "
                            "EXISTS (SELECT 1 FROM (",
                            index, mask->kept != NULL ? mask->kept : "TRUE");
    append_keys(buf, mask, good, "");
    assay_buf_append_text(buf, ") AS d WHERE ");
    for (size_t i = 0; i < mask->key_count; i++)
        assay_buf_append_format(buf, "%sd.\"__assay_k%zu\" IS NOT DISTINCT FROM %s",
                                i > 0 ? " AND " : "", i, mask->key[i]);
    assay_buf_append_char(buf, ')');
}
