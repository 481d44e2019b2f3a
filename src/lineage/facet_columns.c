#include "lineage/facet.h"

#include "base/str.h"

/* Namespace and name of the dataset that the statement calls `table`. */
struct place {
    const char *namespace, *name;
};

static const assay_lineage_dataset *find_dataset(const assay_lineage_dataset *datasets,
                                                 size_t count, const char *table)
{
    for (size_t i = 0; i < count; i++)
        if (datasets[i].table != NULL && assay_str_equal_ci(datasets[i].table, table))
            return &datasets[i];
    return NULL;
}

static struct place place_of(const assay_lineage_event *event, const char *table)
{
    const assay_lineage_dataset *dataset = find_dataset(event->inputs, event->input_count, table);

    if (dataset == NULL)
        dataset = find_dataset(event->outputs, event->output_count, table);
    if (dataset != NULL)
        return (struct place){dataset->namespace, dataset->name};
    if (table[0] == '/')
        return (struct place){"file", table};
    return (struct place){event->job_namespace, table};
}

static void write_input(assay_json_writer *writer, const assay_lineage_event *event,
                        const assay_lineage_column_input *input)
{
    struct place place = place_of(event, input->table);

    assay_json_begin_map(writer);
    assay_facet_text(writer, "namespace", place.namespace);
    assay_facet_text(writer, "name", place.name);
    assay_facet_text(writer, "field", input->column);
    assay_json_key(writer, "transformations");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < input->transformation_count; i++) {
        const assay_lineage_transformation *made = &input->transformations[i];
        assay_json_begin_map(writer);
        assay_facet_text(writer, "type", assay_lineage_subtype_type(made->subtype));
        assay_facet_text(writer, "subtype", assay_lineage_subtype_name(made->subtype));
        assay_json_key(writer, "masking");
        assay_json_bool(writer, made->masking);
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
    assay_json_end_map(writer);
}

static void write_inputs(assay_json_writer *writer, const char *key,
                         const assay_lineage_event *event, const assay_lineage_column_input *inputs,
                         size_t count)
{
    assay_json_key(writer, key);
    assay_json_begin_list(writer);
    for (size_t i = 0; i < count; i++)
        write_input(writer, event, &inputs[i]);
    assay_json_end_list(writer);
}

/* The deprecated pair that older consumers (Marquez) show: the strongest of the DIRECT ones. */
static void write_deprecated(assay_json_writer *writer, const assay_lineage_column *column)
{
    static const char *const types[] = {"IDENTITY", "TRANSFORMATION", "AGGREGATION"};
    static const char *const descriptions[] = {"identical", "transformed", "aggregated"};
    int strongest = -1;
    bool masked = false;

    for (size_t i = 0; i < column->input_count; i++)
        for (size_t k = 0; k < column->inputs[i].transformation_count; k++) {
            const assay_lineage_transformation *made = &column->inputs[i].transformations[k];
            if (made->subtype > ASSAY_LINEAGE_AGGREGATION)
                continue;
            masked = masked || made->masking;
            strongest = (int)made->subtype > strongest ? (int)made->subtype : strongest;
        }
    if (strongest < 0)
        return;
    assay_facet_text(writer, "transformationDescription",
                     masked ? "masked" : descriptions[strongest]);
    assay_facet_text(writer, "transformationType", masked ? "MASKED" : types[strongest]);
}

void assay_facet_write_columns(assay_json_writer *writer, const assay_lineage_event *event,
                               const assay_column_lineage *columns)
{
    assay_json_key(writer, "fields");
    assay_json_begin_map(writer);
    for (size_t i = 0; i < columns->column_count; i++) {
        const assay_lineage_column *column = &columns->columns[i];
        assay_json_key(writer, column->name);
        assay_json_begin_map(writer);
        write_inputs(writer, "inputFields", event, column->inputs, column->input_count);
        write_deprecated(writer, column);
        assay_json_end_map(writer);
    }
    assay_json_end_map(writer);
    write_inputs(writer, "dataset", event, columns->dataset, columns->dataset_count);
}
