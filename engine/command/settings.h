/* A configuration's values as a person writes them. */
#ifndef RIPOSTE_COMMAND_SETTINGS_H
#define RIPOSTE_COMMAND_SETTINGS_H

#include "engine/base/buffer.h"
#include "engine/base/config.h"

/** Append the value of a key as one line of YAML: 30s, [a, b], [{"key": "x"}]. */
void settings_value(const rip_config *config, const rip_config_key *key, rip_buffer *out);

/** "one of text, json", "span of time": as docs/CONFIGURATION.md calls a key's type. */
void settings_type(const rip_config_key *key, rip_buffer *out);

/** Whether a running service takes the key's changes when it is told to reload. */
bool settings_reloads(const char *name);

#endif
