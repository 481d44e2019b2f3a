#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "support/exhaust.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void an_overflowing_size_is_refused(void **state)
{
    (void)state;
    assert_null(assay_mem_new(SIZE_MAX / 2, 3));
    assert_null(assay_mem_resize(NULL, SIZE_MAX / 2, 3));
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assert_null(assay_arena_take(arena, SIZE_MAX / 2, 3));
    assert_null(assay_arena_take(arena, SIZE_MAX - 8, 1));
    assert_null(assay_arena_text_n(arena, "x", SIZE_MAX));
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_buf_append_text(&buf, "x");
    assay_buf_reserve(&buf, SIZE_MAX - 1);
    assert_int_equal(assay_buf_check(&buf, NULL), ASSAY_ENOMEM);
}

static void freep_empties_the_variable(void **state)
{
    char *text = assay_mem_copy_text("text");

    (void)state;
    assert_string_equal(text, "text");
    assay_mem_freep(&text);
    assert_null(text);
    assay_mem_freep(&text);
}

static void arena_memory_is_zeroed_aligned_and_stays(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *texts[2000];
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        size_t size = i % 37 + (i % 500 == 0 ? 70000 : 1);
        unsigned char *block = assay_arena_take(arena, size, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(block[k], 0);
        memset(block, 0xAA, size);
        texts[i] = assay_arena_format(arena, "text %zu", i);
        taken += size;
    }
    for (size_t i = 0; i < 2000; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "text %zu", i);
        assert_string_equal(texts[i], expected);
    }
    assert_true(assay_arena_used(arena) >= taken);
    assert_null(assay_arena_text(arena, NULL));
    assert_non_null(assay_arena_take(arena, 0, 8));
    assert_string_equal(assay_arena_text_n(arena, "abcdef", 3), "abc");
}

static void a_buffer_grows_and_stays_terminated(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    (void)state;
    assert_string_equal(assay_buf_text(&buf), "");
    for (int i = 0; i < 1000; i++) {
        assay_buf_append_format(&buf, "%d,", i % 10);
        assert_int_equal(strlen(assay_buf_text(&buf)), buf.size);
    }
    assert_int_equal(buf.size, 2000);
    assay_buf_clear(&buf);
    assert_string_equal(assay_buf_text(&buf), "");
    assay_buf_append(&buf, "a\0b", 3);
    assert_int_equal(buf.size, 3);
    assert_int_equal(buf.data[3], '\0');
    assert_int_equal(assay_buf_check(&buf, NULL), ASSAY_OK);
}

static void a_failed_buffer_says_so_once_and_ignores_the_rest(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {0};

    (void)state;
    assay_mem_fail_at(1);
    assay_buf_append_text(&buf, "lost");
    assay_buf_append_text(&buf, "also lost");
    assert_string_equal(assay_buf_text(&buf), "");
    assert_int_equal(assay_buf_check(&buf, &err), ASSAY_ENOMEM);
    assert_int_equal(err.number, 1001);
}

static void a_vec_keeps_its_items_in_order(void **state)
{
    ASSAY_AUTO(assay_vec_done) assay_vec vec = ASSAY_VEC_OF(int);
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    int *items = NULL;
    size_t count = 1;

    (void)state;
    assert_int_equal(assay_vec_to_arena(&vec, arena, &items, &count, NULL), ASSAY_OK);
    assert_null(items);
    assert_int_equal(count, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(assay_vec_push(&vec, &i, NULL), ASSAY_OK);
    assert_int_equal(*(int *)assay_vec_at(&vec, 42), 42);
    assert_int_equal(assay_vec_to_arena(&vec, arena, &items, &count, NULL), ASSAY_OK);
    assert_int_equal(count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(items[i], i);
}

static void a_map_finds_replaces_removes_in_order_of_insertion(void **state)
{
    ASSAY_AUTO(assay_map_freep) assay_map *map = assay_map_new();
    static int values[1000];
    char key[16];

    (void)state;
    assert_null(assay_map_find(map, "none"));
    assay_map_remove(map, "none");
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "k%zu", i);
        assert_int_equal(assay_map_put(map, key, &values[i], NULL), ASSAY_OK);
    }
    assert_int_equal(assay_map_put(map, "k5", &values[6], NULL), ASSAY_OK);
    assert_int_equal(assay_map_count(map), 1000);
    assert_ptr_equal(assay_map_find(map, "k5"), &values[6]);
    for (size_t i = 0; i < 1000; i += 2) {
        (void)snprintf(key, sizeof key, "k%zu", i);
        assay_map_remove(map, key);
        assert_false(assay_map_has(map, key));
    }
    assert_int_equal(assay_map_count(map), 500);
    for (size_t i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "k%zu", 2 * i + 1);
        assert_string_equal(assay_map_key_at(map, i), key);
        assert_ptr_equal(assay_map_find(map, key), assay_map_value_at(map, i));
    }
    assert_int_equal(assay_map_put(map, "null", NULL, NULL), ASSAY_OK);
    assert_true(assay_map_has(map, "null"));
}

static void the_hash_is_the_same_in_every_run(void **state)
{
    (void)state;
    assert_true(assay_map_hash("", 0) == 0xefd01f60ba992926U);
    assert_true(assay_map_hash("a", 1) != assay_map_hash("b", 1));
}

static assay_status use_everything(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_map_freep) assay_map *map = assay_map_new();
    ASSAY_AUTO(assay_vec_done) assay_vec vec = ASSAY_VEC_OF(char *);
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    char **items = NULL;
    size_t count = 0;

    (void)user;
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_arena_check(map, err));
    for (int i = 0; i < 40; i++) {
        char *text = assay_arena_format(arena, "%0300d", i);
        ASSAY_TRY(assay_arena_check(text, err));
        ASSAY_TRY(assay_map_put(map, text, text, err));
        ASSAY_TRY(assay_vec_push(&vec, &text, err));
        assay_buf_append_text(&buf, text);
    }
    ASSAY_TRY(assay_vec_to_arena(&vec, arena, &items, &count, err));
    return assay_buf_check(&buf, err);
}

static void containers_survive_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(use_everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overflowing_size_is_refused),
        cmocka_unit_test(freep_empties_the_variable),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_stays),
        cmocka_unit_test(a_buffer_grows_and_stays_terminated),
        cmocka_unit_test(a_failed_buffer_says_so_once_and_ignores_the_rest),
        cmocka_unit_test(a_vec_keeps_its_items_in_order),
        cmocka_unit_test(a_map_finds_replaces_removes_in_order_of_insertion),
        cmocka_unit_test(the_hash_is_the_same_in_every_run),
        cmocka_unit_test(containers_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
