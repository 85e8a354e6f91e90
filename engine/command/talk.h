/* How a command about the journal gets its answer: from the process that owns the journal, through its control socket;
 * where there is none, by opening the journal itself, to read, or with an engine around it to change something. */
#ifndef RIPOSTE_COMMAND_TALK_H
#define RIPOSTE_COMMAND_TALK_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "engine/base/config.h"
#include "engine/base/error.h"

#define TALK_SETTINGS_MOST 64

typedef struct talk {
    const char *command, *help; /* its name and its help: set before the options are read */
    const char *config_file, *journal_option;
    const char *settings[TALK_SETTINGS_MOST];
    size_t setting_count;
    bool json; /* --output json */
    rip_config *config;
    const char *journal; /* its path; borrowed from the configuration */
} talk;

/** The options that all of these commands take; what is theirs alone has values from TALK_OWN_OPTION on. */
#define TALK_SHORT_OPTIONS ":c:s:J:h"
#define TALK_LONG_OPTIONS                                                                                              \
    {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},                                   \
        {"journal", required_argument, NULL, 'J'}, {"output", required_argument, NULL, 'o'},                           \
    {                                                                                                                  \
        "help", no_argument, NULL, 'h'                                                                                 \
    }
#define TALK_OWN_OPTION 256

/** What the help says of them. */
#define TALK_OPTIONS_HELP                                                                                              \
    "  -J, --journal PATH    the journal (default: the configuration's)\n"                                             \
    "  -c, --config FILE     configuration (default: $RIPOSTE_CONFIG, else none)\n"                                    \
    "  -s, --set KEY=VALUE   one setting over the configuration; may be given again\n"                                 \
    "      --output FORMAT   text | json\n"                                                                            \
    "  -h, --help            this text\n"

/** Take an option that getopt_long gave and the command does not know: one of the common ones, or a mistake. -1: go on,
 * else the command's exit status. */
int talk_option(talk *t, int option, char **argv);

/** Read the configuration and find the journal; what is wrong goes to stderr. -1: go on, else the command's exit
 * status. Close it in any case. */
int talk_open(talk *t);
void talk_close(talk *t);

/** A field of a request, from an argument. -1: go on, else the command's exit status. */
int talk_put(const talk *t, json_t *request, const char *key, const char *value);

/** Ask a question: "runs", "show" or "status" of words.h, the last with only its "pauses" where no process owns the
 * journal. `*value` is a new reference. Nothing is printed. */
rip_status talk_ask(const talk *t, const json_t *request, json_t **value, rip_error *err);

/** Say something that changes the world or the journal (the other words), and tell what came of it. `request` is taken
 * over. Returns the command's exit status. */
int talk_tell(talk *t, json_t *request);

/** Was it an undo that the configuration's mode lowered to one that changes nothing? Then it is not what was asked for.
 */
bool talk_is_lowered(const json_t *request, const json_t *value);

/** Tell the answer to `request`, in a sentence or as JSON. */
void talk_told(const talk *t, const json_t *request, const json_t *value);

/** Print a JSON value on one line; it is taken over. */
void talk_print_json(json_t *value);

#endif
