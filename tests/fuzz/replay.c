/* Feeds every file of a corpus folder to a fuzz target: the ordinary test run of what libFuzzer
 * found. Closes with a line as cmocka prints it, so that the inputs are counted. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLAY_PATH_SIZE = 4096, REPLAY_INPUT_MAX = 16 * 1024 * 1024 };

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *data = calloc(1, REPLAY_INPUT_MAX);
    size_t size = data == NULL ? 0 : fread(data, 1, REPLAY_INPUT_MAX, file);
    int failed = data == NULL || ferror(file);
    (void)fclose(file);
    if (!failed) {
        /* A block of the exact size: the sanitizer sees a read behind the input. */
        uint8_t *exact = calloc(1, size + (size == 0));
        failed = exact == NULL;
        if (exact != NULL) {
            memcpy(exact, data, size);
            (void)LLVMFuzzerTestOneInput(exact, size);
        }
        free(exact);
    }
    free(data);
    return failed;
}

static int replay_folder(const char *folder, int *count)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return 1;
    }
    int failed = 0;
    struct dirent *entry = readdir(dir);
    for (; entry != NULL; entry = readdir(dir)) {
        char path[REPLAY_PATH_SIZE];
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof path || replay_file(path) != 0)
            failed++;
        (*count)++;
    }
    (void)closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int count = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += replay_folder(argv[i], &count);
    printf("[  PASSED  ] %d test(s).\n", count - failed);
    if (failed > 0)
        printf("[  FAILED  ] %d test(s)\n", failed);
    return failed > 0 || count == 0;
}
