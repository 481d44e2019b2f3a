/* A temporary folder of one test, below $TMPDIR. */
#ifndef ASSAY_TEST_FOLDER_H
#define ASSAY_TEST_FOLDER_H

#include "base/arena.h"

typedef struct test_folder {
    assay_arena *arena; /* for the paths that a test makes */
    char *path;
} test_folder;

/* Setup and teardown of cmocka: *state is a test_folder. */
int test_folder_setup(void **state);
int test_folder_teardown(void **state);

/* "<folder>/<name>", in the folder's arena. */
char *test_folder_path(const test_folder *folder, const char *name);

/* Writes a text to a file of the folder; parents are made. */
void test_folder_write(const test_folder *folder, const char *name, const char *text);

/* Number of entries in a folder below it, hidden ones too. */
size_t test_folder_count(const test_folder *folder, const char *name);

#endif
