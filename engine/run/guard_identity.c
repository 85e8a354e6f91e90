/* Who the engine is: what it must never change, and where its changes are made. Not knowing it stops all changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/glob.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/run/guard_private.h"

#define ASK_AGAIN_LEAST_MS INT64_C(1000)
#define ASK_AGAIN_MOST_MS INT64_C(60000)
#define DOUBLINGS_MOST 6 /* of the least make the most */

/* An assumed role's session is known by its role: "arn:aws:sts::123456789012:assumed-role/NAME/SESSION". NULL: no ARN.
 */
static char *identity_of(const char *arn)
{
    static const char SESSION[] = ":assumed-role/";
    const char *role = strstr(arn, SESSION), *sts = strstr(arn, ":sts::");
    if (strncmp(arn, "arn:", 4) != 0) return NULL;
    if (!role || !sts || sts > role) return strdup(arn);
    const char *account = sts + strlen(":sts::"), *name = role + sizeof SESSION - 1;
    char text[512];
    int len = snprintf(text, sizeof text, "%.*s:iam::%.*s:role/%.*s", (int)(sts - arn), arn, (int)(role - account),
                       account, (int)strcspn(name, "/"), name);
    return len > 0 && (size_t)len < sizeof text ? strdup(text) : NULL;
}

static int64_t ask_again_ms(const guard *g)
{
    unsigned doublings = g->identity_failures > DOUBLINGS_MOST ? DOUBLINGS_MOST : g->identity_failures - 1;
    int64_t wait = ASK_AGAIN_LEAST_MS << doublings;
    return g->identity_asked_ms + (wait > ASK_AGAIN_MOST_MS ? ASK_AGAIN_MOST_MS : wait);
}

static void deny(guard_check *check)
{
    rip_error err;
    rip_fail(&err, RIP_EDENIED,
             "who the engine is could not be told, so nothing is changed (sts:GetCallerIdentity: %.200s): mend the "
             "credentials; it is asked again within a minute",
             check->guard->identity_why);
    guard_decide(check, "identity", RIP_EDENIED, &err);
}

static void note_failure(guard *g, const char *code, const char *message)
{
    g->identity_failures++;
    g->identity_asked_ms = rip_clock_now(g->context.clock);
    snprintf(g->identity_why, sizeof g->identity_why, "%.80s: %.160s", code, message);
    rip_log(RIP_LOG_WARN, "guard.identity", "error", code, "message", message, NULL);
}

static void on_identity(void *data, const aws_result *result)
{
    guard_check *check = data;
    guard *g = check->guard;
    check->under_way = NULL;
    char *own = result->error ? NULL : identity_of(rip_text(result->output, "Arn"));
    if (result->error) {
        note_failure(g, result->error->code, result->error->message);
    } else if (!own) {
        note_failure(g, "NoArn", "the reply holds no ARN");
    } else {
        free(g->identity);
        g->identity = own;
        g->identity_failures = 0;
        *g->identity_why = '\0';
    }
    if (g->identity)
        guard_protect(check);
    else
        deny(check);
}

static bool ask(guard_check *check, rip_error *err)
{
    const aws_service *sts = NULL;
    const aws_operation *operation = NULL;
    aws_client *client = check->guard->context.client;
    aws_call_options options = {.region = check->region};
    json_t *params = json_object();
    bool asked =
        aws_models_service(aws_client_models(client), "sts", &sts, err) == RIP_OK &&
        aws_service_operation(sts, "GetCallerIdentity", &operation, err) == RIP_OK &&
        aws_call_start(client, operation, params, &options, on_identity, check, &check->under_way, err) == RIP_OK;
    json_decref(params);
    return asked;
}

bool guard_identify(guard_check *check)
{
    guard *g = check->guard;
    rip_error err;
    if (g->is_simulated || g->identity) return true;
    bool too_soon = g->identity_failures > 0 && rip_clock_now(g->context.clock) < ask_again_ms(g);
    if (!too_soon && ask(check, &err)) return false;
    if (!too_soon) note_failure(g, "NotAsked", err.message);
    deny(check);
    return false;
}

bool guard_knows_itself(const guard *g, const char **why)
{
    *why = g->identity_why;
    return g->is_simulated || g->identity || g->identity_failures == 0;
}

bool guard_is_own(const guard *g, const char *arns)
{
    return g->identity && rip_glob_meet_nocase(g->identity, arns);
}

/* The account of an ARN: its fifth field, as of a user, a federated user or a session alike. "" where it has none. */
static const char *account_of(const char *arn, size_t *len)
{
    for (int i = 0; i < 4 && arn; i++) {
        arn = strchr(arn, ':');
        if (arn) arn++;
    }
    *len = arn ? strcspn(arn, ":") : 0;
    return arn ? arn : "";
}

/* Without a role, the credentials' own account is the only one: a change meant for another would be made in it. */
bool guard_is_reachable(const guard_check *check, rip_error *err)
{
    size_t len;
    if (check->guard->has_role || !check->guard->identity || !*check->account) return true;
    const char *own = account_of(check->guard->identity, &len);
    if (strlen(check->account) == len && strncmp(own, check->account, len) == 0) return true;
    rip_fail(err, RIP_EDENIED,
             "account %.32s is not the credentials' own (%.*s), and accounts.role names no role to act in others",
             check->account, (int)(len > 32 ? 32 : len), own);
    return false;
}
