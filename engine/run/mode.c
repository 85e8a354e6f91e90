#include "engine/run/mode.h"

#include <string.h>

static const char *const NAMES[] = {"observe", "dry-run", "approve", "enforce"};

bool run_mode_parse(const char *name, run_mode *mode)
{
    for (int i = RUN_OBSERVE; i <= RUN_ENFORCE; i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *mode = (run_mode)i;
        return true;
    }
    return false;
}

const char *run_mode_name(run_mode mode)
{
    return NAMES[mode];
}
