/* riposte init: a folder to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/command/command.h"
#include "engine/command/terminal.h"

#define FILE_BYTES_MOST ((size_t)1 << 20)

static const char HELP[] =
    "Usage: riposte init [FOLDER]\n"
    "\n"
    "Write what one begins with into a folder (default: this one): a commented\n"
    "configuration, a first playbook, and a drill that plays it on a simulated\n"
    "account. Files that are there are left alone.\n"
    "\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 all is written; 1 something could not be; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte init remedies && riposte drill remedies/drills/first-playbook\n";

/* What comes along, and where it goes. */
typedef struct entry {
    const char *from; /* below the data folder; NULL: a folder */
    const char *to;
} entry;

static const entry ENTRIES[] = {
    {NULL, ""},
    {"examples/init.yaml", "riposte.yaml"},
    {NULL, "playbooks"},
    {"examples/playbooks/first-playbook.lua", "playbooks/first-playbook.lua"},
    {NULL, "drills"},
    {NULL, "drills/first-playbook"},
    {"examples/drills/first-playbook/drill.lua", "drills/first-playbook/drill.lua"},
    {"examples/drills/first-playbook/account.lua", "drills/first-playbook/account.lua"},
    {"examples/drills/first-playbook/finding.json", "drills/first-playbook/finding.json"},
};

static rip_status make_folder(const char *path, rip_error *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return RIP_OK;
    return rip_fail(err, RIP_EIO, "%s: %s", path, strerror(errno));
}

static rip_status write_all(int fd, const char *path, const char *bytes, size_t len, rip_error *err)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return rip_fail(err, RIP_EIO, "%s: %s", path, strerror(errno));
        bytes += written;
        len -= (size_t)written;
    }
    return RIP_OK;
}

static rip_status copy(const char *from, const char *to, rip_error *err)
{
    char *bytes = NULL, *source = rip_data_path(from, err);
    size_t len;
    if (!source) return RIP_ENOTFOUND;
    rip_status status = rip_read_file(source, FILE_BYTES_MOST, &bytes, &len, err);
    int fd = status == RIP_OK ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        status = write_all(fd, to, bytes, len, err);
        if (close(fd) != 0 && status == RIP_OK) status = rip_fail(err, RIP_EIO, "%s: %s", to, strerror(errno));
        if (status == RIP_OK) printf("  wrote %s\n", to);
    } else if (status == RIP_OK && errno == EEXIST) {
        printf("  kept  %s, which is there\n", to);
    } else if (status == RIP_OK) {
        status = rip_fail(err, RIP_EIO, "%s: %s", to, strerror(errno));
    }
    free(bytes);
    free(source);
    return status;
}

static rip_status write_entry(const char *folder, const entry *e, rip_error *err)
{
    rip_buffer path = {0};
    rip_buffer_printf(&path, *e->to ? "%s/%s" : "%s", folder, e->to);
    rip_status status = rip_buffer_status(&path, err);
    if (status == RIP_OK) status = e->from ? copy(e->from, path.data, err) : make_folder(path.data, err);
    rip_buffer_free(&path);
    return status;
}

int command_init(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        if (option != 'h') return terminal_usage("init", "there is no option %s", argv[optind - 1]);
        fputs(HELP, stdout);
        return COMMAND_DONE;
    }
    if (argc - optind > 1) return terminal_usage("init", "%s: one folder at a time", argv[optind + 1]);
    const char *folder = optind < argc ? argv[optind] : ".";
    for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
        rip_error err;
        if (write_entry(folder, &ENTRIES[i], &err) == RIP_OK) continue;
        terminal_error("init", "%s", err.message);
        return COMMAND_FAILED;
    }
    printf(
        "\nNext:\n"
        "  cd %s\n"
        "  riposte drill drills/first-playbook\n"
        "  riposte config check riposte.yaml\n"
        "  riposte policy --config riposte.yaml --engine\n"
        "  riposte serve --config riposte.yaml\n",
        folder);
    return COMMAND_DONE;
}
