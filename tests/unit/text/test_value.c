#include "text/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = assay_arena_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    assay_arena_free(*state);
    return 0;
}

static void a_map_sets_finds_replaces_and_unsets(void **state)
{
    assay_arena *arena = *state;
    assay_value *map = assay_value_map(arena);
    char key[16];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(assay_value_set(map, key, assay_value_int(arena, i), arena, NULL),
                         ASSAY_OK);
    }
    assert_int_equal(assay_value_set(map, "k3", assay_value_text(arena, "x"), arena, NULL),
                     ASSAY_OK);
    assert_int_equal(map->count, 20);
    assert_string_equal(assay_value_find_text(map, "k3", "none"), "x");
    assert_int_equal(assay_value_find_int(map, "k3", -1), -1);
    assert_int_equal(assay_value_find_int(map, "k4", -1), 4);
    assay_value_unset(map, "k0");
    assay_value_unset(map, "none");
    assert_int_equal(map->count, 19);
    assert_string_equal(map->keys[0], "k1");
    assert_null(assay_value_find(map, "k0"));
    assert_null(assay_value_find(NULL, "k"));
    assert_null(assay_value_find(map->items[0], "k"));
    assert_true(assay_value_find_bool(map, "none", true));
}

static void a_missing_item_is_out_of_memory(void **state)
{
    assay_arena *arena = *state;

    assert_int_equal(assay_value_append(assay_value_list(arena), NULL, arena, NULL), ASSAY_ENOMEM);
    assert_int_equal(assay_value_set(assay_value_map(arena), "k", NULL, arena, NULL), ASSAY_ENOMEM);
}

static assay_value *pair(assay_arena *arena, const char *a, const char *b)
{
    assay_value *map = assay_value_map(arena);

    assert_int_equal(assay_value_set(map, a, assay_value_int(arena, 1), arena, NULL), ASSAY_OK);
    assert_int_equal(assay_value_set(map, b, assay_value_list(arena), arena, NULL), ASSAY_OK);
    return map;
}

static void equality_ignores_key_order_and_kind_of_number(void **state)
{
    assay_arena *arena = *state;
    assay_value *map = pair(arena, "a", "b");
    assay_value *other = assay_value_map(arena);

    assert_int_equal(assay_value_set(other, "b", assay_value_list(arena), arena, NULL), ASSAY_OK);
    assert_int_equal(assay_value_set(other, "a", assay_value_real(arena, 1), arena, NULL),
                     ASSAY_OK);
    assert_true(assay_value_equal(map, other));
    assert_true(assay_value_equal(map, assay_value_copy(arena, map)));
    assert_false(assay_value_equal(map, pair(arena, "a", "c")));
    assert_int_equal(assay_value_append(other->items[0], assay_value_null(arena), arena, NULL),
                     ASSAY_OK);
    assert_false(assay_value_equal(map, other));
    assert_false(assay_value_equal(assay_value_int(arena, 9007199254740993),
                                   assay_value_real(arena, 9007199254740992.0)));
    assert_false(assay_value_equal(assay_value_int(arena, 1), assay_value_real(arena, 1.5)));
    assert_false(assay_value_equal(assay_value_int(arena, 1), assay_value_text(arena, "1")));
    assert_true(assay_value_equal(NULL, NULL));
    assert_false(assay_value_equal(NULL, map));
    assert_true(assay_value_equal(assay_value_bool(arena, true), assay_value_bool(arena, true)));
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = ASSAY_VALUE_NULL; kind <= ASSAY_VALUE_MAP; kind++)
        assert_string_not_equal(assay_value_kind_name((assay_value_kind)kind), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_map_sets_finds_replaces_and_unsets),
        TEST(a_missing_item_is_out_of_memory),
        TEST(equality_ignores_key_order_and_kind_of_number),
        TEST(every_kind_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
