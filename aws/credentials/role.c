#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"

typedef struct role_provider {
    aws_remote remote;
    aws_provider *source;
    char *arn, *session_name;
    rip_buffer form; /* what does not change from one call to the next */
} role_provider;

static void add_tags(rip_buffer *form, const json_t *tags)
{
    const char *key;
    json_t *value;
    unsigned index = 1;
    json_object_foreach ((json_t *)(uintptr_t)tags, key, value) {
        char name[64];
        snprintf(name, sizeof name, "Tags.member.%u.Key", index);
        aws_form_add(form, name, key);
        snprintf(name, sizeof name, "Tags.member.%u.Value", index++);
        aws_form_add(form, name, json_is_string(value) ? json_string_value(value) : "");
    }
}

void aws_form_assume_role(rip_buffer *form, const aws_role *role)
{
    char duration[16];
    snprintf(duration, sizeof duration, "%d", role->duration_s ? role->duration_s : 3600);
    rip_buffer_puts(form, "Action=AssumeRole&Version=2011-06-15");
    aws_form_add(form, "RoleArn", role->arn);
    aws_form_add(form, "DurationSeconds", duration);
    if (role->external_id) aws_form_add(form, "ExternalId", role->external_id);
    if (role->policy) aws_form_add(form, "Policy", role->policy);
    add_tags(form, role->tags);
}

static void on_source(void *data, aws_credentials *credentials, const rip_error *err)
{
    role_provider *p = data;
    if (!credentials) {
        rip_error why = *err;
        rip_error_prefix(&why, "role %s: ", p->arn);
        why.status = err->status == RIP_ENOTFOUND ? RIP_EINVAL : err->status; /* the role was asked for: say so */
        aws_remote_fail(&p->remote, &why);
        return;
    }
    rip_buffer form = {0};
    char name[64];
    snprintf(name, sizeof name, "riposte-%lld", (long long)(rip_clock_now(p->remote.context.clock) / 1000));
    rip_buffer_append(&form, p->form.data, p->form.len);
    aws_form_add(&form, "RoleSessionName", p->session_name ? p->session_name : name);
    aws_remote_ask_sts(&p->remote, &form, credentials);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    role_provider *p = (role_provider *)self;
    p->remote.done = done;
    p->remote.data = data;
    p->source->fetch(p->source, on_source, p);
}

static void free_role(aws_provider *self)
{
    role_provider *p = (role_provider *)self;
    aws_remote_stop(&p->remote);
    p->source->free(p->source);
    rip_buffer_free(&p->form);
    free(p->arn);
    free(p->session_name);
    free(p);
}

aws_provider *aws_provider_role(const aws_provider_context *context, aws_provider *source, const aws_role *role)
{
    role_provider *p = source ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        if (source) source->free(source);
        return NULL;
    }
    p->remote = (aws_remote){.base = {fetch, free_role}, .context = *context, .source = "assumed role"};
    p->source = source;
    p->arn = strdup(role->arn);
    if (role->session_name) p->session_name = strdup(role->session_name);
    aws_form_assume_role(&p->form, role);
    if (p->arn && !p->form.failed && (p->session_name || !role->session_name)) return &p->remote.base;
    free_role(&p->remote.base);
    return NULL;
}
