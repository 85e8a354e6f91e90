/* From rows of the configuration to sources. */
#include "engine/intake/live_set.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/units.h"
#include "engine/intake/folder.h"
#include "engine/intake/poll.h"
#include "engine/intake/sqs.h"

struct live_set {
    live_source **sources;
    size_t count;
};

typedef rip_status (*row_fn)(const live_parts *parts, size_t row, live_source **out, rip_error *err);

/* Cells. */

static rip_status read_number(const rip_config *config, size_t row, const char *column, unsigned *out, rip_error *err)
{
    const char *text = rip_config_cell(config, "sqs", row, column);
    char *end = NULL;
    if (!text) return RIP_OK;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '1' || *text > '9' || *end || number > UINT_MAX)
        return rip_fail(err, RIP_EINVAL, "%s is \"%s\": expected a whole number over 0", column, text);
    *out = (unsigned)number;
    return RIP_OK;
}

static rip_status read_span(const rip_config *config, const char *key, size_t row, const char *column, int64_t *out,
                            rip_error *err)
{
    const char *text = rip_config_cell(config, key, row, column);
    if (!text || (rip_duration_parse(text, out) && *out >= 1000)) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "%s is \"%s\": expected a span of time of 1s or more, as 30s or 2m", column, text);
}

/* Rows. */

static rip_status make_sqs(const live_parts *parts, size_t row, live_source **out, rip_error *err)
{
    const rip_config *config = parts->config;
    int64_t visibility = 0;
    sqs_options options = {.name = rip_config_cell(config, "sqs", row, "name"),
                           .url = rip_config_cell(config, "sqs", row, "url"),
                           .region = rip_config_cell(config, "sqs", row, "region"),
                           .client = parts->client,
                           .clock = parts->clock,
                           .sink = parts->sink,
                           .numbers = parts->numbers};
    rip_status status = read_number(config, row, "concurrency", &options.concurrency, err);
    if (status == RIP_OK) status = read_number(config, row, "receives", &options.receives, err);
    if (status == RIP_OK) status = read_span(config, "sqs", row, "visibility", &visibility, err);
    options.visibility = (unsigned)(visibility / 1000);
    return status == RIP_OK ? sqs_source_new(&options, out, err) : status;
}

static rip_status make_poll(const live_parts *parts, size_t row, live_source **out, rip_error *err)
{
    const rip_config *config = parts->config;
    const char *source = rip_config_cell(config, "poll", row, "source");
    poll_options options = {.kind = strcmp(source, "guardduty") == 0 ? POLL_GUARDDUTY : POLL_SECURITYHUB,
                            .region = rip_config_cell(config, "poll", row, "region"),
                            .account = rip_config_cell(config, "poll", row, "account"),
                            .client = parts->client,
                            .clock = parts->clock,
                            .journal = parts->journal,
                            .sink = parts->sink,
                            .numbers = parts->numbers};
    if (options.kind == POLL_SECURITYHUB && strcmp(source, "securityhub") != 0)
        return rip_fail(err, RIP_EINVAL, "source is \"%s\": expected securityhub or guardduty", source);
    rip_status status = read_span(config, "poll", row, "every", &options.every_ms, err);
    if (status == RIP_OK) status = read_span(config, "poll", row, "since", &options.since_ms, err);
    return status == RIP_OK ? poll_source_new(&options, out, err) : status;
}

static rip_status make_folder(const live_parts *parts, size_t row, live_source **out, rip_error *err)
{
    const rip_config *config = parts->config;
    folder_options options = {.name = rip_config_cell(config, "folders", row, "name"),
                              .path = rip_config_cell(config, "folders", row, "path"),
                              .limits = {rip_config_size(config, "limits.event_bytes"),
                                         (unsigned)rip_config_integer(config, "limits.event_depth")},
                              .clock = parts->clock,
                              .sink = parts->sink,
                              .numbers = parts->numbers};
    return folder_source_new(&options, out, err);
}

static const struct {
    const char *key;
    row_fn make;
    const char *unique; /* a column that tells rows apart; NULL: there is none */
} KEYS[] = {{"sqs", make_sqs, "name"}, {"poll", make_poll, NULL}, {"folders", make_folder, "name"}};

#define KEY_COUNT (sizeof KEYS / sizeof *KEYS)

static rip_status check_name(const rip_config *config, const char *key, size_t row, const char *column, rip_error *err)
{
    const char *name = column ? rip_config_cell(config, key, row, column) : NULL;
    for (size_t i = 0; name && i < row; i++) {
        if (strcmp(rip_config_cell(config, key, i, column), name) == 0)
            return rip_fail(err, RIP_EINVAL, "%s is \"%s\", as row %zu's is: give each its own", column, name, i + 1);
    }
    return RIP_OK;
}

rip_status live_set_new(const live_parts *parts, live_set **out, rip_error *err)
{
    size_t most = 0;
    rip_status status = RIP_OK;
    for (size_t i = 0; i < KEY_COUNT; i++) most += rip_config_rows(parts->config, KEYS[i].key);
    live_set *set = calloc(1, sizeof *set);
    if (!set) return rip_nomem(err);
    set->sources = calloc(most + 1, sizeof *set->sources);
    if (!set->sources) status = rip_nomem(err);
    for (size_t i = 0; i < KEY_COUNT && status == RIP_OK; i++) {
        size_t rows = rip_config_rows(parts->config, KEYS[i].key);
        for (size_t row = 0; row < rows && status == RIP_OK; row++) {
            status = check_name(parts->config, KEYS[i].key, row, KEYS[i].unique, err);
            if (status == RIP_OK) status = KEYS[i].make(parts, row, &set->sources[set->count], err);
            if (status == RIP_OK)
                set->count++;
            else
                (void)rip_error_prefix(err, "%s[%zu]: ", KEYS[i].key, row + 1);
        }
    }
    if (status == RIP_OK)
        *out = set;
    else
        live_set_free(set);
    return status;
}

rip_status live_set_start(live_set *set, rip_error *err)
{
    rip_status status = RIP_OK;
    for (size_t i = 0; i < set->count && status == RIP_OK; i++)
        status = set->sources[i]->ops->start(set->sources[i], err);
    return status;
}

void live_set_stop(live_set *set)
{
    for (size_t i = 0; i < set->count; i++) set->sources[i]->ops->stop(set->sources[i]);
}

size_t live_set_under_way(const live_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) count += set->sources[i]->ops->under_way(set->sources[i]);
    return count;
}

json_t *live_set_status(const live_set *set)
{
    json_t *all = json_array();
    for (size_t i = 0; i < set->count; i++) json_array_append_new(all, set->sources[i]->ops->status(set->sources[i]));
    return all;
}

void live_set_free(live_set *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->count; i++) set->sources[i]->ops->free(set->sources[i]);
    free(set->sources);
    free(set);
}

rip_status live_queue_arns(const rip_config *config, json_t *arns, rip_error *err)
{
    for (size_t row = 0; row < rip_config_rows(config, "sqs"); row++) {
        char arn[SQS_ARN_MAX];
        rip_status status = sqs_url_arn(rip_config_cell(config, "sqs", row, "url"),
                                        rip_config_cell(config, "sqs", row, "region"), arn, err);
        if (status != RIP_OK) return rip_error_prefix(err, "sqs[%zu]: ", row + 1);
        if (json_array_append_new(arns, json_string(arn)) != 0) return rip_nomem(err);
    }
    return RIP_OK;
}
