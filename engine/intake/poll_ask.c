/* What is asked of Security Hub and GuardDuty. Follows: AWS Security Hub API reference, GetFindings; Amazon GuardDuty
 * API reference, ListDetectors, ListFindings and GetFindings. */
#include <stdlib.h>
#include <string.h>

#include "engine/intake/poll_private.h"

#define SECURITYHUB_PAGE 100 /* by GetFindings' limit */
#define GUARDDUTY_PAGE 50    /* …and ListFindings' */

static const char *const SERVICES[] = {[POLL_SECURITYHUB] = "securityhub", [POLL_GUARDDUTY] = "guardduty"};

rip_status poll_find_operations(poll_source *s, rip_error *err)
{
    const aws_service *service = NULL;
    rip_status status = aws_models_service(aws_client_models(s->client), SERVICES[s->kind], &service, err);
    if (status == RIP_OK) status = aws_service_operation(service, "GetFindings", &s->get, err);
    if (s->kind == POLL_SECURITYHUB) return status;
    if (status == RIP_OK) status = aws_service_operation(service, "ListDetectors", &s->detectors, err);
    if (status == RIP_OK) status = aws_service_operation(service, "ListFindings", &s->list, err);
    return status;
}

/* `params` is taken over; NULL: memory is out. */
static void call(poll_source *s, const aws_operation *operation, json_t *params, aws_call_done done)
{
    aws_call_options options = {.region = s->region, .account = s->account};
    rip_error err = {RIP_ENOMEM, "out of memory"};
    rip_status status =
        params ? aws_call_start(s->client, operation, params, &options, done, s, &s->call, &err) : RIP_ENOMEM;
    json_decref(params);
    if (status != RIP_OK) poll_on_trouble(s, &err);
}

/* The answer; NULL: there was none, and the round is over. */
static const json_t *answer(poll_source *s, const aws_operation *operation, const aws_result *result)
{
    s->call = NULL;
    if (result->output) return result->output;
    rip_error why;
    (void)rip_fail(&why, RIP_EREMOTE, "%s in %s: %s: %s", aws_operation_name(operation), s->region, result->error->code,
                   result->error->message);
    poll_on_trouble(s, &why);
    return NULL;
}

/* GuardDuty has one detector in a region, and lists it as one of many. */
static void on_detectors(void *data, const aws_result *result)
{
    poll_source *s = data;
    const json_t *output = answer(s, s->detectors, result);
    if (output) poll_on_targets(s, json_incref(json_object_get(output, "DetectorIds")));
}

void poll_ask_targets(poll_source *s)
{
    if (s->kind == POLL_SECURITYHUB)
        poll_on_targets(s, json_pack("[s]", ""));
    else
        call(s, s->detectors, json_object(), on_detectors);
}

static void on_findings(void *data, const aws_result *result)
{
    poll_source *s = data;
    const json_t *output = answer(s, s->get, result);
    if (!output) return;
    /* GuardDuty's token came with the list */
    const char *token =
        s->kind == POLL_SECURITYHUB ? json_string_value(json_object_get(output, "NextToken")) : s->token;
    poll_on_page(s, json_object_get(output, "Findings"), token);
}

static void ask_securityhub(poll_source *s)
{
    char from[32], to[32];
    rip_time_format(s->from, from);
    rip_time_format(s->to, to);
    call(s, s->get,
         json_pack("{s:{s:[{s:s, s:s}], s:[{s:s, s:s}]}, s:[{s:s, s:s}], s:i, s:s*}", "Filters", "UpdatedAt", "Start",
                   from, "End", to, "RecordState", "Value", "ACTIVE", "Comparison", "EQUALS", "SortCriteria", "Field",
                   "UpdatedAt", "SortOrder", "asc", "MaxResults", SECURITYHUB_PAGE, "NextToken", s->token),
         on_findings);
}

static json_t *guardduty_order(void)
{
    return json_pack("{s:s, s:s}", "AttributeName", "updatedAt", "OrderBy", "ASC");
}

static void on_ids(void *data, const aws_result *result)
{
    poll_source *s = data;
    const json_t *output = answer(s, s->list, result);
    if (!output) return;
    json_t *ids = json_object_get(output, "FindingIds");
    const char *token = json_string_value(json_object_get(output, "NextToken"));
    char *next = token && *token ? strdup(token) : NULL;
    free(s->token);
    s->token = next;
    if (json_array_size(ids) == 0)
        poll_on_page(s, ids, s->token);
    else
        call(s, s->get,
             json_pack("{s:s, s:O, s:o}", "DetectorId", poll_target(s), "FindingIds", ids, "SortCriteria",
                       guardduty_order()),
             on_findings);
}

static void ask_guardduty(poll_source *s)
{
    call(s, s->list,
         json_pack("{s:s, s:{s:{s:{s:I, s:I}, s:{s:[s]}}}, s:o, s:i, s:s*}", "DetectorId", poll_target(s),
                   "FindingCriteria", "Criterion", "updatedAt", "GreaterThanOrEqual", (json_int_t)s->from,
                   "LessThanOrEqual", (json_int_t)s->to, "service.archived", "Equals", "false", "SortCriteria",
                   guardduty_order(), "MaxResults", GUARDDUTY_PAGE, "NextToken", s->token),
         on_ids);
}

void poll_ask_page(poll_source *s)
{
    if (s->kind == POLL_SECURITYHUB)
        ask_securityhub(s);
    else
        ask_guardduty(s);
}
