#include "unit/store/conformance.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 8, ROUNDS = 50 };

static void put(const assay_store *store, const char *key, const char *text)
{
    assay_error err = {0};

    if (assay_store_put(store, key, text, strlen(text), &err) != ASSAY_OK)
        fail_msg("%s", err.message);
}

static void expect(const assay_store *store, const char *key, const char *text)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {0};

    if (assay_store_get(store, key, 1000, &buf, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_string_equal(assay_buf_text(&buf), text);
}

static void an_object_is_put_and_got(const assay_store *store)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    put(store, "a/b/object", "one");
    expect(store, "a/b/object", "one");
    put(store, "a/b/object", "second");
    expect(store, "a/b/object", "second");
    put(store, "empty", "");
    expect(store, "empty", "");
    assert_int_equal(assay_store_put(store, "bytes", "a\0b", 3, NULL), ASSAY_OK);
    assay_buf_append_text(&buf, ">");
    assert_int_equal(assay_store_get(store, "bytes", 3, &buf, NULL), ASSAY_OK);
    assert_int_equal(buf.size, 4);
    assert_memory_equal(buf.data, ">a\0b", 4);
}

static void a_missing_object_is_not_found(const assay_store *store)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_store_info info = {true, 1, 1};
    assay_error err = {0};

    assert_int_equal(assay_store_get(store, "none", 9, &buf, &err), ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 1301);
    assert_int_equal(assay_store_get(store, "no/folder/none", 9, &buf, &err), ASSAY_ENOTFOUND);
    assert_int_equal(assay_store_head(store, "none", &info, &err), ASSAY_OK);
    assert_false(info.exists);
    assert_int_equal(assay_store_sync(store, "none", &err), ASSAY_ENOTFOUND);
    put(store, "folder/object", "");
    assert_int_equal(assay_store_head(store, "folder", &info, &err), ASSAY_OK);
    assert_false(info.exists);
}

static void an_object_over_the_limit_is_refused(const assay_store *store)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {0};

    put(store, "object", "0123456789");
    assert_int_equal(assay_store_get(store, "object", 9, &buf, &err), ASSAY_EDATA);
    assert_int_equal(err.number, 1307);
    assert_string_equal(assay_buf_text(&buf), "");
    assert_int_equal(assay_store_get(store, "object", 10, &buf, &err), ASSAY_OK);
}

static void head_tells_size_and_time(const assay_store *store)
{
    assay_store_info info = {0};

    put(store, "object", "12345");
    assert_int_equal(assay_store_head(store, "object", &info, NULL), ASSAY_OK);
    assert_true(info.exists);
    assert_int_equal(info.size, 5);
    assert_true(info.mtime_ms > (int64_t)1600000000 * 1000);
}

static void put_new_makes_only_what_is_free(const assay_store *store)
{
    assay_error err = {0};

    assert_int_equal(assay_store_put_new(store, "log/1", "first", 5, &err), ASSAY_OK);
    assert_int_equal(assay_store_put_new(store, "log/1", "late", 4, &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 1310);
    assert_true(err.retryable);
    expect(store, "log/1", "first");
    assert_int_equal(assay_store_remove(store, "log/1", &err), ASSAY_OK);
    assert_int_equal(assay_store_put_new(store, "log/1", "again", 5, &err), ASSAY_OK);
    expect(store, "log/1", "again");
}

static void list_gives_sorted_names_of_one_folder(const assay_store *store)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_store_names names = {NULL, 9};

    assert_int_equal(assay_store_list(store, "", arena, &names, NULL), ASSAY_OK);
    assert_int_equal(names.count, 0);
    put(store, "d/b", "");
    put(store, "d/a", "");
    put(store, "d/B", "");
    put(store, "d/.hidden", "");
    put(store, "d/below/c", "");
    put(store, "dd", "");
    assert_int_equal(assay_store_list(store, "d", arena, &names, NULL), ASSAY_OK);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.names[0], "B");
    assert_string_equal(names.names[1], "a");
    assert_string_equal(names.names[2], "b");
    assert_int_equal(assay_store_list(store, "", arena, &names, NULL), ASSAY_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.names[0], "dd");
    assert_int_equal(assay_store_list(store, "none", arena, &names, NULL), ASSAY_OK);
    assert_int_equal(names.count, 0);
}

static void removing_is_idempotent(const assay_store *store)
{
    assay_store_info info = {0};

    put(store, "object", "");
    assert_int_equal(assay_store_sync(store, "object", NULL), ASSAY_OK);
    assert_int_equal(assay_store_remove(store, "object", NULL), ASSAY_OK);
    assert_int_equal(assay_store_remove(store, "object", NULL), ASSAY_OK);
    assert_int_equal(assay_store_head(store, "object", &info, NULL), ASSAY_OK);
    assert_false(info.exists);
}

static void keys_that_lead_elsewhere_are_refused(const assay_store *store)
{
    static const char *const keys[] = {"",   ".", "..",  "a/../b", "a/./b", "a//b",
                                       "a/", "/", "//a", "../a",   "a/.."};
    char long_key[ASSAY_STORE_KEY_MAX + 2];
    assay_error err = {0};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (assay_store_put(store, keys[i], "", 0, &err) != ASSAY_EINVAL || err.number != 1311)
            fail_msg("'%s' was taken", keys[i]);
    }
    memset(long_key, 'a', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    assert_int_equal(assay_store_put_new(store, long_key, "", 0, &err), ASSAY_EINVAL);
    put(store, "..a/b..", "fine");
    expect(store, "..a/b..", "fine");
}

struct writer {
    const assay_store *store;
    int number;
    int won;
    int failed;
};

static void write_log(void *argument)
{
    struct writer *writer = argument;
    char key[32];
    char text[32];

    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(key, sizeof key, "log/%d", i);
        int length = snprintf(text, sizeof text, "writer %d", writer->number);
        assay_status status = assay_store_put_new(writer->store, key, text, (size_t)length, NULL);
        writer->won += status == ASSAY_OK ? 1 : 0;
        writer->failed += status != ASSAY_OK && status != ASSAY_ECONFLICT ? 1 : 0;
    }
}

static void exactly_one_thread_wins_a_key(const assay_store *store)
{
    struct writer writers[THREADS];
    assay_thread *threads[THREADS];
    int won = 0;

    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){store, i, 0, 0};
        assert_int_equal(assay_thread_start(write_log, &writers[i], &threads[i], NULL), ASSAY_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        assay_thread_join(threads[i]);
        assert_int_equal(writers[i].failed, 0);
        won += writers[i].won;
    }
    assert_int_equal(won, ROUNDS);
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_store_names names = {NULL, 0};
    assert_int_equal(assay_store_list(store, "log", arena, &names, NULL), ASSAY_OK);
    assert_int_equal(names.count, ROUNDS);
}

struct rewriter {
    const assay_store *store;
    size_t size;
};

static void rewrite(void *argument)
{
    const struct rewriter *rewriter = argument;
    static char ones[30000];
    static char twos[30000];

    memset(ones, '1', sizeof ones);
    memset(twos, '2', sizeof twos);
    for (int i = 0; i < ROUNDS; i++) {
        const char *bytes = i % 2 == 0 ? ones : twos;
        assert_int_equal(assay_store_put(rewriter->store, "object", bytes, rewriter->size, NULL),
                         ASSAY_OK);
    }
}

static void a_reader_never_sees_a_part(const assay_store *store)
{
    struct rewriter rewriter = {store, 30000};
    assay_thread *thread = NULL;

    put(store, "object", "");
    assert_int_equal(assay_thread_start(rewrite, &rewriter, &thread, NULL), ASSAY_OK);
    for (int i = 0; i < 10 * ROUNDS; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
        assert_int_equal(assay_store_get(store, "object", 100000, &buf, NULL), ASSAY_OK);
        assert_true(buf.size == 0 || buf.size == 30000);
        if (buf.size > 0)
            assert_int_equal(buf.data[0], buf.data[buf.size - 1]);
    }
    assay_thread_join(thread);
}

const conformance_case conformance_cases[] = {
    {"an object is put and got", an_object_is_put_and_got},
    {"a missing object is not found", a_missing_object_is_not_found},
    {"an object over the limit is refused", an_object_over_the_limit_is_refused},
    {"head tells size and time", head_tells_size_and_time},
    {"put new makes only what is free", put_new_makes_only_what_is_free},
    {"list gives sorted names of one folder", list_gives_sorted_names_of_one_folder},
    {"removing is idempotent", removing_is_idempotent},
    {"keys that lead elsewhere are refused", keys_that_lead_elsewhere_are_refused},
    {"exactly one thread wins a key", exactly_one_thread_wins_a_key},
    {"a reader never sees a part", a_reader_never_sees_a_part},
    {NULL, NULL},
};

void conformance_run(conformance_open *open, void *user)
{
    for (const conformance_case *at = conformance_cases; at->name != NULL; at++) {
        print_message("  %s\n", at->name);
        assay_store *store = open(user);
        assert_non_null(store);
        at->run(store);
        assay_store_close(store);
    }
}
