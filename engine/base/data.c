#include "engine/base/data.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "lua/riposte" /* a folder that holds this is the data folder */

static bool holds_data(const char *dir)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", dir, MARK);
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool folder_of_program(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

static bool is_below(const char *dir, const char *above)
{
    size_t n = strlen(above);
    return n > 0 && strncmp(dir, above, n) == 0 && (dir[n] == '/' || dir[n] == '\0');
}

static const char *find_data_dir(char out[PATH_MAX])
{
    const char *set = getenv("RIPOSTE_DATA_DIR");
    if (set && *set) return holds_data(set) ? set : NULL;
    char program[PATH_MAX];
    if (folder_of_program(program)) {
        if (is_below(program, RIPOSTE_BUILD_DIR) && holds_data(RIPOSTE_SOURCE_DIR)) return RIPOSTE_SOURCE_DIR;
        char *slash = strrchr(program, '/');
        if (slash) {
            int n = snprintf(out, PATH_MAX, "%.*s/share/riposte", (int)(slash - program), program);
            if (n > 0 && n < PATH_MAX && holds_data(out)) return out;
        }
    }
    return holds_data(RIPOSTE_INSTALL_DATA_DIR) ? RIPOSTE_INSTALL_DATA_DIR : NULL;
}

const char *rip_data_dir(rip_error *err)
{
    static char memory[PATH_MAX];
    static const char *found;
    if (!found) found = find_data_dir(memory);
    if (found) return found;
    const char *set = getenv("RIPOSTE_DATA_DIR");
    if (set && *set) {
        rip_fail(err, RIP_ENOTFOUND,
                 "RIPOSTE_DATA_DIR=%s holds no %s: point it at the folder Riposte's data was installed to", set, MARK);
    } else {
        rip_fail(
            err, RIP_ENOTFOUND,
            "Riposte's data folder was not found beside the program nor at %s: install it again, or set RIPOSTE_DATA_DIR",
            RIPOSTE_INSTALL_DATA_DIR);
    }
    return NULL;
}

char *rip_data_path(const char *relative, rip_error *err)
{
    const char *dir = rip_data_dir(err);
    if (!dir) return NULL;
    rip_buffer path = {0};
    rip_buffer_printf(&path, "%s/%s", dir, relative);
    char *text = rip_buffer_take(&path, NULL);
    if (!text) rip_nomem(err);
    return text;
}

static rip_status read_all(int fd, const char *path, size_t max, rip_buffer *into, rip_error *err)
{
    for (;;) {
        if (!rip_buffer_reserve(into, 65536)) return rip_nomem(err);
        ssize_t n = read(fd, into->data + into->len, 65536);
        if (n == 0) return RIP_OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rip_fail(err, RIP_EIO, "%s: %s", path, strerror(errno));
        into->len += (size_t)n;
        into->data[into->len] = '\0';
        if (into->len > max) return rip_fail(err, RIP_ELIMIT, "%s: over the limit of %zu bytes", path, max);
    }
}

rip_status rip_read_file(const char *path, size_t max, char **bytes, size_t *len, rip_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return rip_fail(err, errno == ENOENT ? RIP_ENOTFOUND : RIP_EIO, "%s: %s", path, strerror(errno));
    rip_buffer content = {0};
    rip_status status = read_all(fd, path, max, &content, err);
    close(fd);
    if (status != RIP_OK) {
        rip_buffer_free(&content);
        return status;
    }
    rip_buffer_fit(&content);
    *bytes = rip_buffer_take(&content, len);
    return *bytes ? RIP_OK : rip_nomem(err);
}
