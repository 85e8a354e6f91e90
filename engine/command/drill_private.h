/* The inside of `riposte drill`, shared by its files: drill.c (the scenario, what happens) and drill_print.c. */
#ifndef RIPOSTE_COMMAND_DRILL_PRIVATE_H
#define RIPOSTE_COMMAND_DRILL_PRIVATE_H

#include <jansson.h>

#include "engine/command/engine.h"

#define PATHS_MOST 64

/* An event of the scenario that is still to come. */
typedef struct drill_event {
    struct drill *drill;
    char *path;
    int64_t at; /* milliseconds from the start */
    rip_timer timer;
} drill_event;

typedef struct drill {
    engine engine;
    bool json, verbose, state_only, preflight, approve;
    const char *mode;
    const char *playbooks[PATHS_MOST];
    size_t playbook_count;
    char *folder;
    json_t *scenario;
    aws_transport *account; /* the engine's client owns it */
    drill_event *events;
    size_t event_count;
    int64_t start;
    json_t *runs, *findings;
    json_t *before, *after, *quotas, *results;
    json_int_t containment_ms;
    bool failed;
} drill;

/** Are changes made in the end? */
bool drill_acts(const drill *d);

/* drill_print.c */

void drill_print_text(const drill *d);
void drill_print_json(const drill *d);

#endif
