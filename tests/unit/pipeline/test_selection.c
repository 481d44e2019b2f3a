#include "fixture.h"
#include "pipeline/selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* b.one -> s.one -> g.one -> g.top;  b.two -> s.two -> g.top;  s.lone */
static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return 1;
    shop *fixture = *state;

    fixture_write(fixture, "models/b/one.sql", "select 1 as a");
    fixture_write(fixture, "models/b/two.sql", "select 1 as a");
    fixture_write(fixture, "models/s/one.sql",
                  "/* --- { tags: [daily] } --- */ select * from b.one");
    fixture_write(fixture, "models/s/two.sql",
                  "/* --- { tags: [daily, slow] } --- */ select * from b.two");
    fixture_write(fixture, "models/s/lone.sql", "select 1 as a");
    fixture_write(fixture, "models/g/one.sql", "select * from s.one");
    fixture_write(fixture, "models/g/top.sql", "select o.a from g.one o, s.two");
    return fixture_open(fixture) != ASSAY_OK;
}

/* The selected names with blanks between, in order of the run. */
static const char *select_names(shop *fixture, const char *select, const char *exclude)
{
    static char names[2048];
    assay_selection selection;
    assay_model **models = NULL;
    size_t count = 0, used = 0;
    assay_selection_words words = {&select, select != NULL, &exclude, exclude != NULL};

    assay_error_clear(&fixture->err);
    names[0] = '\0';
    if (assay_selection_parse(fixture->project, &words, fixture->arena, &selection,
                              &fixture->err) != ASSAY_OK) {
        (void)snprintf(names, sizeof names, "E%d %s", fixture->err.number, fixture->err.message);
        return names;
    }
    assert_int_equal(assay_selection_models(fixture->project, &selection, fixture->arena, &models,
                                            &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, selection.count);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? " " : "",
                                 models[i]->name);
    return names;
}

static void the_grammar_selects_what_fingers_know(void **state)
{
    static const struct {
        const char *select, *exclude, *names;
    } cases[] = {
        {NULL, NULL, "b.one b.two s.lone s.one s.two g.one g.top"},
        {"", NULL, "b.one b.two s.lone s.one s.two g.one g.top"},
        {"s.one", NULL, "s.one"},
        {"S.One", NULL, "s.one"},
        {"layer:g", NULL, "g.one g.top"},
        {"tag:daily", NULL, "s.one s.two"},
        {"path:models/s", NULL, "s.lone s.one s.two"},
        {"path:models/s/", NULL, "s.lone s.one s.two"},
        {"path:models/*/one.sql", NULL, "b.one s.one g.one"},
        {"models/b/two.sql", NULL, "b.two"},
        {"./models/b", NULL, "b.one b.two"},
        {"*.one", NULL, "b.one s.one g.one"},
        {"s.*", NULL, "s.lone s.one s.two"},
        {"+g.one", NULL, "b.one s.one g.one"},
        {"1+g.one", NULL, "s.one g.one"},
        {"b.one+", NULL, "b.one s.one g.one g.top"},
        {"b.one+1", NULL, "b.one s.one"},
        {"1+s.one+1", NULL, "b.one s.one g.one"},
        {"0+s.one+0", NULL, "s.one"},
        {"@s.one", NULL, "b.one b.two s.one s.two g.one g.top"},
        {"s.lone g.one", NULL, "s.lone g.one"},
        {"tag:daily,tag:slow", NULL, "s.two"},
        {"+g.top,layer:b", NULL, "b.one b.two"},
        {"layer:b,layer:g", NULL, ""},
        {"+g.top", "s.one+", "b.one b.two s.two"},
        {NULL, "layer:b layer:g", "s.lone s.one s.two"},
        {"s.one", "s.one", ""},
        {"name:b.two", NULL, "b.two"},
    };
    shop *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *names = select_names(fixture, cases[i].select, cases[i].exclude);

        if (strcmp(names, cases[i].names) != 0)
            fail_msg("%s - %s: %s", cases[i].select, cases[i].exclude, names);
    }
}

static void an_unknown_name_is_an_error_with_the_nearest_match(void **state)
{
    static const struct {
        const char *select, *message;
    } cases[] = {
        {"s.onne", "E2020 no model matches 's.onne': did you mean 's.one'?"},
        {"lone", "E2020 no model matches 'lone': did you mean 's.lone'?"},
        {"tag:dayly", "E2020 no tag matches 'dayly': did you mean 'daily'?"},
        {"layer:zebra", "E2020 no layer matches 'zebra'"},
        {"path:models/x", "E2020 no path matches 'models/x'"},
        {"s.one zzzzzzz", "E2020 no model matches 'zzzzzzz'"},
        {"tags:x", "E2021 the selector 'tags:x' is wrong: the methods are layer:, tag:, path: and "
                   "name:"},
        {"+", "E2021 the selector '+' is wrong: it names nothing"},
        {"s.one,", "E2021 the selector '' is wrong: it names nothing"},
        {"@", "E2021 the selector '@' is wrong: it names nothing"},
        {"@s.one+", "E2021 the selector '@s.one+' is wrong: '@' already takes what reads from it"},
        {"+s+one", "E2021 the selector '+s+one' is wrong: '+' and '@' stand before or after a name "
                   "only"},
        {"99999+s.one", "E2021 the selector '99999+s.one' is wrong: the number before '+' is too "
                        "large"},
    };
    shop *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(select_names(fixture, cases[i].select, NULL), cases[i].message);
    assert_string_equal(select_names(fixture, NULL, "s.onne"),
                        "E2020 no model matches 's.onne': did you mean 's.one'?");
}

static void a_name_that_was_written_out_is_known_from_a_pattern(void **state)
{
    shop *fixture = *state;
    assay_selection selection;
    const char *select[] = {"s.one+", "b.*"};
    assay_selection_words words = {select, 2, NULL, 0};

    assert_int_equal(assay_selection_parse(fixture->project, &words, fixture->arena, &selection,
                                           NULL),
                     ASSAY_OK);
    for (size_t i = 0; i < fixture->project->model_count; i++)
        assert_int_equal(selection.named[i],
                         strcmp(fixture->project->models[i]->name, "s.one") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_grammar_selects_what_fingers_know, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_unknown_name_is_an_error_with_the_nearest_match, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_name_that_was_written_out_is_known_from_a_pattern, setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
