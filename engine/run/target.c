#include "engine/run/target.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/run/target_private.h"

#define DEPTH_MOST 64 /* of structures in each other: as much as a model may have */

/* Resources in one call: AWS takes 1,000 objects or tagged resources at most. What is kept is compared with each. */
#define TARGETS_MOST 2000

/* The way through a request's parameters. */
typedef struct walk {
    target_context context;
    const json_t *about; /* what the data says of the operation; NULL: nothing */
    json_t *found;
    const char *undecided; /* a parameter that selects what cannot be told; NULL: none */
    unsigned depth;
    bool too_many;
    bool failed; /* out of memory */
} walk;

static void keep(walk *w, json_t *target)
{
    size_t i;
    json_t *each;
    if (!target) w->failed = true;
    if (json_array_size(w->found) >= TARGETS_MOST) {
        w->too_many = true;
        json_decref(target);
        return;
    }
    json_array_foreach (w->found, i, each) {
        if (!json_equal(each, target)) continue;
        json_decref(target);
        return;
    }
    if (target) json_array_append_new(w->found, target);
}

/* What the data says of a member: "kind", ["kind", …], "arn" (an ARN of whatever it is), "-" (names nothing that is
 * changed), "?" (selects what cannot be told), "+" (look into it). It is asked for as PARENT.MEMBER first; NULL:
 * nothing.
 */
static const json_t *rule_of(const walk *w, const char *parent, const char *member)
{
    const json_t *common = target_service(w->context.targets, TARGETS_COMMON);
    const json_t *places[] = {json_object_get(w->about, "members"), json_object_get(w->context.service, "members"),
                              json_object_get(common, "members")};
    char path[256];
    snprintf(path, sizeof path, "%s.%s", parent, member);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *rule = json_object_get(places[i], path);
        if (!rule) rule = json_object_get(places[i], member);
        if (rule) return rule;
    }
    return NULL;
}

static bool is_mark(const json_t *rule, const char *mark)
{
    return json_is_string(rule) && strcmp(json_string_value(rule), mark) == 0;
}

static void take_arn(walk *w, const char *value)
{
    if (target_is_arn(value))
        keep(w, target_of_arn(&w->context, value));
    else
        w->undecided = "that is no ARN";
}

static void take_text(walk *w, const json_t *rule, const char *value)
{
    size_t i;
    json_t *each;
    if (!*value) return;
    if (is_mark(rule, "arn")) {
        take_arn(w, value);
        return;
    }
    if (json_is_string(rule)) {
        keep(w, target_of_value(&w->context, json_string_value(rule), value));
        return;
    }
    json_array_foreach (rule, i, each) keep(w, target_of_value(&w->context, json_string_value(each), value));
}

/* All texts of a value that a rule names: itself, of a list, of a map's values. */
static void take(walk *w, const json_t *rule, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *each;
    if (json_is_string(value)) take_text(w, rule, json_string_value(value));
    json_array_foreach (value, i, each) take(w, rule, each);
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) take(w, rule, each);
}

static void walk_value(walk *w, const char *parent, const aws_shape *shape, const json_t *value);

static void walk_member(walk *w, const char *parent, const aws_member *member, const json_t *value)
{
    const char *name = aws_member_name(member);
    const json_t *rule = rule_of(w, parent, name);
    if (is_mark(rule, "-")) return;
    if (is_mark(rule, "?"))
        w->undecided = name;
    else if (rule && !is_mark(rule, "+"))
        take(w, rule, value);
    else
        walk_value(w, name, aws_member_shape(member), value);
}

/* What the data does not name counts where it is an ARN. */
static void walk_value(walk *w, const char *parent, const aws_shape *shape, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *each;
    if (json_is_string(value) && target_is_arn(json_string_value(value)))
        keep(w, target_of_arn(&w->context, json_string_value(value)));
    if (!json_is_array(value) && !json_is_object(value)) return;
    if (++w->depth > DEPTH_MOST) {
        w->undecided = parent;
    } else if (json_is_array(value)) {
        const aws_member *element = aws_shape_element(shape);
        json_array_foreach (value, i, each) {
            if (element) walk_value(w, parent, aws_member_shape(element), each);
        }
    } else {
        json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
            bool is_map = aws_shape_type(shape) == AWS_MAP;
            const aws_member *member = is_map ? aws_shape_element(shape) : aws_shape_member(shape, key);
            if (is_map && member)
                walk_value(w, parent, aws_member_shape(member), each);
            else if (member)
                walk_member(w, parent, member, each);
        }
    }
    w->depth--;
}

/* Where none of the parameters named here is given, the caller itself is changed. */
static void add_caller(walk *w)
{
    const json_t *names = json_object_get(w->about, "caller_without"), *name;
    size_t i;
    if (!names) return;
    json_array_foreach (names, i, name) {
        if (*rip_text(w->context.params, json_string_value(name))) return;
    }
    keep(w, json_pack("{s:s, s:s, s:[], s:b, s:b}", "kind", "caller", "name", "", "arns", "caller", 1, "tags", 0));
}

/* What an operation is about though no parameter names it. */
static void add_unnamed(walk *w)
{
    json_t *kind;
    size_t i;
    json_array_foreach (json_object_get(w->about, "about"), i, kind)
        keep(w, target_of_value(&w->context, json_string_value(kind), "*"));
}

/* A parameter that is left out stands for the default that AWS takes. */
static void add_defaults(walk *w, const aws_shape *input)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)w->context.defaults, name, value) {
        const json_t *rule = rule_of(w, "", name);
        const json_t *given = json_object_get(w->context.params, name);
        bool is_there = json_is_string(given) ? json_string_length(given) > 0 : given && !json_is_null(given);
        if (!is_there && rule && !is_mark(rule, "-") && input && aws_shape_member(input, name)) take(w, rule, value);
    }
}

static run_target_verdict verdict_of(const walk *w, const aws_operation *operation, rip_error *err)
{
    const char *service = w->context.name, *name = aws_operation_name(operation);
    if (w->undecided) {
        rip_fail(err, RIP_EDENIED, "what %s:%s changes cannot be told from its parameter %s", service, name,
                 w->undecided);
        return RUN_TARGETS_UNDECIDED;
    }
    if (w->too_many) {
        rip_fail(err, RIP_EDENIED, "%s:%s names more than %d resources: split it", service, name, TARGETS_MOST);
        return RUN_TARGETS_UNDECIDED;
    }
    if (json_object_get(w->about, "none")) return RUN_TARGETS_NONE;
    if (json_array_size(w->found) > 0) return RUN_TARGETS_KNOWN;
    if (!w->context.service)
        rip_fail(err, RIP_EDENIED, "what %s:%s changes cannot be told: there is no aws/targets/%s.json", service, name,
                 service);
    else
        rip_fail(err, RIP_EDENIED, "what %s:%s changes cannot be told: its parameters name no resource", service, name);
    return RUN_TARGETS_UNDECIDED;
}

json_t *run_targets_of(run_targets *targets, const aws_operation *operation, const json_t *params,
                       const run_target_place *place, run_target_verdict *verdict, rip_error *err)
{
    const char *name = aws_service_name(aws_operation_service(operation));
    const json_t *service = target_service(targets, name);
    const json_t *about = target_operation(service, aws_operation_name(operation));
    const json_t *defaults = json_object_get(about, "defaults");
    if (!defaults) defaults = json_object_get(service, "defaults");
    walk w = {.context = {targets, service, name, params, defaults, place}, .about = about, .found = json_array()};
    const aws_shape *input = aws_operation_input(operation);
    if (w.found && !json_object_get(about, "none")) {
        if (input) walk_value(&w, "", input, params);
        add_defaults(&w, input);
        add_unnamed(&w);
        add_caller(&w);
    }
    *verdict = verdict_of(&w, operation, err);
    if (w.failed) {
        json_decref(w.found);
        return NULL;
    }
    return w.found;
}
