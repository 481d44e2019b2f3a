/* Paths as text, and the few file operations that rooms below src/store need. Any thread. */
#ifndef ASSAY_BASE_PATH_H
#define ASSAY_BASE_PATH_H

#include "base/arena.h"
#include "base/buf.h"

/* "a" + "b" = "a/b"; an absolute second part wins. NULL when memory is short. */
char *assay_path_join(assay_arena *arena, const char *a, const char *b);
const char *assay_path_base(const char *path);              /* after the last '/' */
char *assay_path_dir(assay_arena *arena, const char *path); /* before it; "." if none */
bool assay_path_is_absolute(const char *path);

/* Absolute, '.' and '..' and '//' resolved by text (symbolic links are not followed). */
char *assay_path_normal(assay_arena *arena, const char *base, const char *path);

/* `path` relative to `base` where it lies below it, else `path` itself. */
const char *assay_path_relative(const char *base, const char *path);

typedef struct assay_path_info {
    bool exists, is_directory, is_link;
    int64_t size;
    int64_t mtime_ns;
} assay_path_info;

/* Follows links. A path that does not exist is ASSAY_OK with exists = false; is_link then says
 * whether it is a link to nothing. */
ASSAY_NODISCARD assay_status assay_path_stat(const char *path, assay_path_info *ret_info,
                                             assay_error *err);

/* Creates the folder and its parents. */
ASSAY_NODISCARD assay_status assay_path_make(const char *path, assay_error *err);

/* Reads a whole file, at most `limit` bytes (more = EDATA); appended to `buf`. */
ASSAY_NODISCARD assay_status assay_path_read(const char *path, size_t limit, assay_buf *buf,
                                             assay_error *err);

/* Reads the first bytes of a file, at most `size`. */
ASSAY_NODISCARD assay_status assay_path_read_start(const char *path, void *bytes, size_t size,
                                                   size_t *ret_size, assay_error *err);

/* Writes a temporary file beside, fsyncs, renames over `path`, fsyncs the folder. */
ASSAY_NODISCARD assay_status assay_path_write(const char *path, const void *bytes, size_t size,
                                              assay_error *err);

/* The first half of assay_path_write: writes and fsyncs a new file beside `path` whose name begins
 * with '.', for the caller to link or rename. Nothing is left behind where it fails. */
ASSAY_NODISCARD assay_status assay_path_write_temporary(const char *path, const void *bytes,
                                                        size_t size, assay_arena *arena,
                                                        char **ret_name, assay_error *err);

/* fsync of a file or of a folder. */
ASSAY_NODISCARD assay_status assay_path_sync(const char *path, assay_error *err);

/* Deletes a file (absent is fine), or a folder with all that is in it. */
ASSAY_NODISCARD assay_status assay_path_remove(const char *path, assay_error *err);
ASSAY_NODISCARD assay_status assay_path_remove_tree(const char *path, assay_error *err);

/* Lets two paths of one file system trade places, whatever they are (files, folders, links), in one
 * step that every other process sees done or not done; both folders are fsynced. EUNSUPPORTED 1312
 * where the file system cannot. */
ASSAY_NODISCARD assay_status assay_path_exchange(const char *a, const char *b, assay_error *err);

/* Names in a folder, sorted by byte value, without . and ..; an absent folder gives none. */
ASSAY_NODISCARD assay_status assay_path_list(const char *path, assay_arena *arena,
                                             char ***ret_names, size_t *ret_count,
                                             assay_error *err);

/* Files below `base` whose path matches the glob `pattern` (assay_str_glob rules; absolute or
 * relative to base), as paths in the form that the pattern has, sorted. */
ASSAY_NODISCARD assay_status assay_path_glob(const char *base, const char *pattern,
                                             assay_arena *arena, char ***ret_paths,
                                             size_t *ret_count, assay_error *err);

#endif
