#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/protocol.h"
#include "text/json.h"

static assay_value *parse(assay_arena *arena, const char *text)
{
    assay_value *value = NULL;

    assert_int_equal(assay_json_parse(text, strlen(text), "test", arena, &value, NULL), ASSAY_OK);
    return value;
}

static const char plain[] = "{\"configuration\":{}}";
static const char no_fields[] = "{\"fields\":[]}";

struct sample {
    const char *protocol, *metadata, *schema;
    const char *name; /* that the refusal says; NULL = allowed */
};

static void reading_is_refused_by_the_name_of_an_unknown_feature(void **state)
{
    static const struct sample samples[] = {
        {"{\"minReaderVersion\":1,\"minWriterVersion\":2}", plain, NULL, NULL},
        {"{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"strange\"]}", plain,
         NULL, NULL},
        {"{\"minReaderVersion\":2,\"minWriterVersion\":5}", plain, NULL, NULL},
        {"{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"timestampNtz\","
         "\"deletionVectors\",\"v2Checkpoint\"]}",
         plain, NULL, NULL},
        {"{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"catalogManaged\"]}",
         plain, NULL, "catalogManaged"},
        {"{\"minReaderVersion\":4,\"minWriterVersion\":7}", plain, NULL, "version 4"},
        {"{\"minReaderVersion\":2,\"minWriterVersion\":5}",
         "{\"configuration\":{\"delta.columnMapping.mode\":\"name\"}}", NULL, "columnMapping"},
    };
    assay_arena *arena = assay_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        assay_error err = {0};
        assay_status status =
            assay_delta_protocol_check_read("t", parse(arena, samples[i].protocol),
                                            parse(arena, samples[i].metadata), &err);

        assert_int_equal(status, samples[i].name == NULL ? ASSAY_OK : ASSAY_EUNSUPPORTED);
        if (samples[i].name != NULL)
            assert_non_null(strstr(err.message, samples[i].name));
    }
    assay_arena_free(arena);
}

static void writing_is_refused_by_the_name_of_what_it_would_need(void **state)
{
    static const char old[] = "{\"minReaderVersion\":1,\"minWriterVersion\":6}";
    static const char features[] =
        "{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"appendOnly\","
        "\"changeDataFeed\",\"checkConstraints\",\"generatedColumns\",\"invariants\"]}";
    static const struct sample samples[] = {
        {old, plain, no_fields, NULL},
        {features, plain, no_fields, NULL},
        {features, "{\"configuration\":{\"delta.enableChangeDataFeed\":\"true\"}}", no_fields,
         "changeDataFeed"},
        {old, "{\"configuration\":{\"delta.constraints.c\":\"a > 1\"}}", no_fields,
         "checkConstraints"},
        {old, plain,
         "{\"fields\":[{\"name\":\"a\",\"metadata\":{\"delta.generationExpression\":\"b\"}}]}",
         "generatedColumns"},
        {old, plain, "{\"fields\":[{\"name\":\"a\",\"metadata\":{\"delta.identity.start\":1}}]}",
         "identityColumns"},
        {old, plain,
         "{\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":\"b\","
         "\"metadata\":{\"delta.invariants\":\"x\"}}]},\"metadata\":{}}]}",
         "invariants"},
        {"{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"liquid\"]}", plain,
         no_fields, "liquid"},
        {"{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"rowTracking\"]}",
         plain, no_fields, "rowTracking"},
        {"{\"minReaderVersion\":1,\"minWriterVersion\":8}", plain, no_fields, "version 8"},
        {old, "{\"configuration\":{\"delta.appendOnly\":\"TRUE\"}}", no_fields, "appendOnly"},
    };
    assay_arena *arena = assay_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        assay_error err = {0};
        assay_status status =
            assay_delta_protocol_check_write("t", parse(arena, samples[i].protocol),
                                             parse(arena, samples[i].metadata),
                                             parse(arena, samples[i].schema), ASSAY_CHANGE_REPLACE,
                                             &err);

        assert_int_equal(status, samples[i].name == NULL ? ASSAY_OK : ASSAY_EUNSUPPORTED);
        if (samples[i].name != NULL)
            assert_non_null(strstr(err.message, samples[i].name));
    }
    assay_arena_free(arena);
}

static void an_append_only_table_takes_appends(void **state)
{
    assay_arena *arena = assay_arena_new();

    (void)state;
    assert_int_equal(assay_delta_protocol_check_write(
                         "t", parse(arena, "{\"minReaderVersion\":1,\"minWriterVersion\":2}"),
                         parse(arena, "{\"configuration\":{\"delta.appendOnly\":\"true\"}}"),
                         parse(arena, no_fields), ASSAY_CHANGE_APPEND, NULL),
                     ASSAY_OK);
    assay_arena_free(arena);
}

static void check_protocol(assay_arena *arena, const char *base, const char *feature,
                           const char *expected)
{
    const char *features[] = {feature};
    assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *protocol = NULL;

    assert_int_equal(assay_delta_protocol_with(base == NULL ? NULL : parse(arena, base), features,
                                               feature == NULL ? 0 : 1, arena, &protocol, NULL),
                     ASSAY_OK);
    if (expected == NULL) {
        assert_null(protocol);
        return;
    }
    assay_json_write(&text, protocol, 0);
    assert_string_equal(assay_buf_text(&text), expected);
    assay_buf_done(&text);
}

static void a_protocol_is_raised_only_as_far_as_needed(void **state)
{
    assay_arena *arena = assay_arena_new();

    (void)state;
    check_protocol(arena, NULL, NULL, "{\"minReaderVersion\":1,\"minWriterVersion\":2}");
    check_protocol(arena, "{\"minReaderVersion\":1,\"minWriterVersion\":2}", NULL, NULL);
    check_protocol(arena, NULL, "timestampNtz",
                   "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
                   "\"timestampNtz\"],\"writerFeatures\":[\"appendOnly\",\"invariants\","
                   "\"timestampNtz\"]}");
    check_protocol(arena,
                   "{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":["
                   "\"changeDataFeed\"]}",
                   "timestampNtz",
                   "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
                   "\"timestampNtz\"],\"writerFeatures\":[\"changeDataFeed\",\"timestampNtz\"]}");
    check_protocol(arena,
                   "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
                   "\"timestampNtz\"],\"writerFeatures\":[\"timestampNtz\"]}",
                   "timestampNtz", NULL);
    assay_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_is_refused_by_the_name_of_an_unknown_feature),
        cmocka_unit_test(writing_is_refused_by_the_name_of_what_it_would_need),
        cmocka_unit_test(an_append_only_table_takes_appends),
        cmocka_unit_test(a_protocol_is_raised_only_as_far_as_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
