/* AWS operations at the door: made, foreseen, or settled after a crash. */
#include "engine/run/effect_private.h"

#include <string.h>

#include "engine/run/imagine.h"

#define REGION_MOST 64 /* characters, as of an endpoint's */

/* EC2 makes no change when it is called with DryRun: it answers whether it would be allowed. 30 operations that change
 * something have no such parameter. */
static bool is_dry_run(const pending *p)
{
    const char *service = aws_service_name(aws_operation_service(p->operation));
    const aws_shape *input = aws_operation_input(p->operation);
    return strcmp(service, "ec2") == 0 && input && aws_shape_member(input, "DryRun") &&
           json_is_true(json_object_get(json_object_get(p->request, "params"), "DryRun"));
}

/* A text that is what it seems: no NUL ends it early. NULL: it is none. */
static const char *plain_text(const json_t *request, const char *key)
{
    const json_t *value = json_object_get(request, key);
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool is_of(const char *text, const char *characters)
{
    return strspn(text, characters) == strlen(text);
}

/* What a playbook names must be a place. Nothing that is none is taken for the default: it would be done elsewhere. */
rip_status effect_check_place(const pending *p, const char **name, rip_error *err)
{
    const effect_settings *settings = &p->door->settings;
    const char *region = plain_text(p->request, "region"), *account = plain_text(p->request, "account");
    *name = "region";
    if (!region && json_object_get(p->request, "region"))
        return rip_fail(err, RIP_EDENIED, "the region that it is to be done in is no text, or holds a NUL");
    if (region && strcmp(p->region, settings->region) != 0 &&
        (strlen(region) >= REGION_MOST || !is_of(region, "abcdefghijklmnopqrstuvwxyz0123456789-")))
        return rip_fail(err, RIP_EDENIED, "%.80s is no region: expected a name like us-east-1", region);
    *name = "account";
    if (!account && json_object_get(p->request, "account"))
        return rip_fail(err, RIP_EDENIED, "the account that it is to be done in is no text, or holds a NUL");
    if (account && strcmp(p->account, settings->account) != 0 &&
        (strlen(account) != 12 || !is_of(account, "0123456789")))
        return rip_fail(err, RIP_EDENIED, "%.80s is no account: expected twelve digits", account);
    return RIP_OK;
}

rip_status effect_find_operation(pending *p, rip_error *err)
{
    if (p->operation) return RIP_OK;
    const char *service_name = plain_text(p->request, "service");
    const char *name = plain_text(p->request, "operation");
    const aws_service *service = NULL;
    rip_status status = aws_models_service(aws_client_models(p->door->settings.client),
                                           service_name ? service_name : "", &service, err);
    if (status == RIP_OK) status = aws_service_operation(service, name ? name : "", &p->operation, err);
    if (status == RIP_OK) p->step.is_change = !aws_operation_is_read(p->operation) && !is_dry_run(p);
    return status;
}

/* Is it safe to send it twice: since AWS takes the second for the first, or since it changes nothing any more? */
static bool may_repeat(const pending *p)
{
    return !p->step.is_change || aws_operation_token_member(p->operation) || aws_operation_is_idempotent(p->operation);
}

static void add_step_name(pending *p)
{
    json_object_set_new(p->error, "step", json_sprintf("%s%s%u", p->path, *p->path ? "/" : "", p->step.number));
}

/* What the step did is not known: the playbook's library reads the world to find out. */
static void end_uncertain(pending *p, const char *why)
{
    const effect_settings *settings = &p->door->settings;
    const journal_step *step = journal_step_find(settings->journal, settings->run, p->path, p->step.number);
    p->error = effect_error(p, "Uncertain", why);
    if (!step) step = &p->step;
    json_t *off = json_object_get(step->request, EFFECT_CLOCK_OFF);
    json_object_set_new(p->error, "started_ms", json_integer(step->started_ms));
    if (off) json_object_set(p->error, EFFECT_CLOCK_OFF, off);
    add_step_name(p);
    effect_finish(p, "uncertain"); /* with its undo: it may well have happened */
}

static void call_aws(pending *p);

/* A pause, and the end of its run, hold from the next request on: also from the next try, and from a request that waits
 * for a quota. */
static bool may_send(void *data)
{
    const pending *p = data;
    return !p->door->stopped && (!p->step.is_change || !effect_is_paused(p));
}

static void on_held_back(pending *p)
{
    if (p->door->stopped) return;
    if (may_send(p)) /* it was resumed since */
        call_aws(p);
    else
        effect_stop_paused(p);
}

static void on_aws(void *data, const aws_result *result)
{
    pending *p = data;
    p->call = NULL;
    if (result->error && strcmp(result->error->code, "RequestHeld") == 0) {
        on_held_back(p);
        return;
    }
    if (!result->error) {
        effect_succeed(p, result->output, "done");
        return;
    }
    if (p->door->plan && p->step.is_change) run_plan_give_back(p->door->plan, p->plan_line);
    if (result->error->fate_unknown && !may_repeat(p)) {
        end_uncertain(p, result->error->message);
        return;
    }
    p->error = effect_error(p, result->error->code, result->error->message);
    json_object_set_new(p->error, "status", json_integer(result->error->http_status));
    json_object_set_new(p->error, "request_id", json_string(result->error->request_id));
    json_object_set_new(p->error, "retryable", json_boolean(result->error->retryable));
    if (result->error->fields) json_object_set(p->error, "fields", result->error->fields);
    if (p->step.is_change && (p->started || result->error->fate_unknown)) {
        json_object_set_new(p->error, "sent_before", json_true());
        add_step_name(p);
        effect_finish(p, "failed"); /* with its undo, for if it turns out to have happened */
    } else {
        effect_fail(p, "failed");
    }
}

static void call_aws(pending *p)
{
    char token[37];
    if (!may_send(p)) {
        effect_stop_paused(p);
        return;
    }
    bool wants_token = aws_operation_token_member(p->operation);
    if (wants_token) effect_token(p, token);
    aws_call_options options = {.region = p->region,
                                .account = p->account,
                                .token = wants_token ? token : NULL,
                                .session = &p->door->session,
                                .once = !may_repeat(p),
                                .may_send = may_send};
    json_t *params = json_object_get(p->request, "params");
    rip_error err;
    if (aws_call_start(p->door->settings.client, p->operation, params, &options, on_aws, p, &p->call, &err) == RIP_OK)
        return;
    p->error = effect_error(p, "ParamValidationError", err.message);
    effect_fail(p, "failed");
}

/* A plan passes the same check as a call: what cannot be sent is no line of it. */
static bool is_well_formed(pending *p)
{
    rip_error err;
    if (aws_params_check(p->operation, json_object_get(p->request, "params"), NULL, &err) == RIP_OK) return true;
    p->error = effect_error(p, "ParamValidationError", err.message);
    effect_fail(p, "failed");
    return false;
}

/* Answer without AWS: a change that is only planned, or a read about something that exists in the plan alone. */
static void answer_from_plan(pending *p, const char *outcome)
{
    json_t *params = json_object_get(p->request, "params");
    if (!is_well_formed(p)) return;
    imagine_place place = {p->door->settings.partition, p->region, p->account, p->path, p->step.number};
    json_t *value = imagine_output(p->door->unknowns, p->operation, params, &place);
    p->planned = true;
    effect_succeed(p, value, outcome);
    json_decref(value);
}

void effect_aws_act(pending *p)
{
    bool rehearsal = p->door->settings.mode != RUN_ENFORCE;
    if (rehearsal && p->step.is_change)
        answer_from_plan(p, "planned");
    else if (rehearsal && run_unknown_within(p->door->unknowns, json_object_get(p->request, "params")))
        answer_from_plan(p, "foreseen");
    else
        call_aws(p);
}

bool effect_aws_sends_again(const pending *p)
{
    return may_repeat(p);
}

void effect_aws_settle(pending *p)
{
    if (may_repeat(p)) {
        call_aws(p);
        return;
    }
    if (p->door->plan) run_plan_give_back(p->door->plan, p->plan_line);
    end_uncertain(p, "it was sent before a restart, and its answer is not known");
}
