#include "base/path.h"

#include "base/str.h"

#include <string.h>

bool assay_path_is_absolute(const char *path)
{
    return path[0] == '/';
}

char *assay_path_join(assay_arena *arena, const char *a, const char *b)
{
    if (assay_path_is_absolute(b) || a[0] == '\0')
        return assay_arena_text(arena, b);
    if (b[0] == '\0')
        return assay_arena_text(arena, a);
    return assay_arena_format(arena, "%s%s%s", a, assay_str_ends(a, "/") ? "" : "/", b);
}

const char *assay_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

char *assay_path_dir(assay_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return assay_arena_text(arena, ".");
    if (slash == path)
        return assay_arena_text(arena, "/");
    return assay_arena_text_n(arena, path, (size_t)(slash - path));
}

/* Appends the components of `path` to the absolute text of `length` bytes in `normal`. */
static size_t append_components(char *normal, size_t length, const char *path)
{
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            while (length > 0 && normal[length - 1] != '/')
                length--;
            if (length > 0)
                length--;
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            normal[length++] = '/';
            memcpy(normal + length, path, size);
            length += size;
        }
        path += size;
        path += strspn(path, "/");
    }
    return length;
}

char *assay_path_normal(assay_arena *arena, const char *base, const char *path)
{
    char *normal = assay_arena_take(arena, strlen(base) + strlen(path) + 3, 1);
    size_t length = 0;

    if (normal == NULL)
        return NULL;
    if (!assay_path_is_absolute(path))
        length = append_components(normal, length, base);
    length = append_components(normal, length, path);
    if (length == 0)
        normal[length++] = '/';
    normal[length] = '\0';
    return normal;
}

const char *assay_path_relative(const char *base, const char *path)
{
    size_t size = strlen(base);

    while (size > 0 && base[size - 1] == '/')
        size--;
    if (strncmp(base, path, size) != 0 || path[size] != '/')
        return path;
    const char *rest = path + size + strspn(path + size, "/");
    return *rest != '\0' ? rest : path;
}
