#include "engine/run/preflight.h"
#include "engine/base/text.h"

#include <stdint.h>
#include <string.h>

/* The resources of a change whose ARNs are told whole, and hold nothing that is made up. */
static json_t *known_resources(const preflight_place *place, const aws_operation *operation, const json_t *request)
{
    const run_target_place where = {place->partition, rip_text(request, "region"), rip_text(request, "account")};
    run_target_verdict verdict;
    rip_error err;
    json_t *all = run_targets_of(place->targets, operation, json_object_get(request, "params"), &where, &verdict, &err);
    json_t *known = json_array(), *target;
    size_t i;
    json_array_foreach (all, i, target) {
        json_t *arn = json_array_get(json_object_get(target, "arns"), 0);
        const char *text = json_string_value(arn);
        if (text && !strpbrk(text, "*?") && !run_unknown_in(place->unknowns, text)) json_array_append(known, arn);
    }
    json_decref(all);
    return known;
}

static json_t *change_of(const journal_step *step, const preflight_place *place)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    json_t *params = json_object_get(step->request, "params");
    if (aws_models_service(place->models, rip_text(step->request, "service"), &service, &err) != RIP_OK) return NULL;
    if (aws_service_operation(service, rip_text(step->request, "operation"), &operation, &err) != RIP_OK) return NULL;
    const aws_shape *input = aws_operation_input(operation);
    bool dry_run = strcmp(aws_service_name(service), "ec2") == 0 && input && aws_shape_member(input, "DryRun");
    json_t *change = json_copy(step->request);
    json_object_set_new(change, "step", json_sprintf("%s%s%u", step->path, *step->path ? "/" : "", step->number));
    json_object_set_new(change, "action", json_string(aws_operation_iam_action(operation)));
    json_object_set_new(change, "resources", known_resources(place, operation, step->request));
    json_object_set_new(change, "dry_run", json_boolean(dry_run));
    json_object_set_new(change, "unknown", json_boolean(run_unknown_within(place->unknowns, params)));
    return change;
}

json_t *preflight_changes(journal *j, const char *run, const preflight_place *place)
{
    json_t *changes = json_array();
    for (size_t i = 0; i < journal_step_count(j, run); i++) {
        const journal_step *step = journal_step_at(j, run, i);
        if (step->state != JOURNAL_FINISHED || strcmp(step->outcome, "planned") != 0) continue;
        json_t *change = change_of(step, place);
        if (change) json_array_append_new(changes, change);
    }
    return changes;
}

json_t *preflight_permissions(const json_t *permissions)
{
    json_t *all = json_copy((json_t *)(uintptr_t)permissions);
    json_array_append_new(all, json_string("sts:GetCallerIdentity"));
    json_array_append_new(all, json_string("iam:SimulatePrincipalPolicy"));
    json_array_append_new(all, json_string("iam:GetRole"));
    return all;
}

void preflight_mark(json_t *changes, const json_t *verdicts)
{
    json_t *by_step = json_object(), *entry;
    size_t i;
    json_array_foreach (verdicts, i, entry) json_object_set(by_step, rip_text(entry, "step"), entry);
    json_array_foreach (changes, i, entry) {
        const json_t *told = json_object_get(by_step, rip_text(entry, "step"));
        if (!told) continue;
        json_object_set_new(
            entry, "preflight",
            json_pack("{s:s, s:s}", "verdict", rip_text(told, "verdict"), "why", rip_text(told, "why")));
    }
    json_decref(by_step);
}
