#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"

#define TOKEN_BYTES_MAX 20000 /* STS's limit for WebIdentityToken */

typedef struct web_identity {
    aws_remote remote;
    char *role_arn, *file, *session_name; /* NULL: from the environment */
} web_identity;

static const char *either(const char *own, const char *variable)
{
    const char *value = own ? own : getenv(variable);
    return value && *value ? value : NULL;
}

static void on_token(aws_remote *remote, const char *text, size_t len, const rip_error *err)
{
    web_identity *p = (web_identity *)remote;
    const char *session = either(p->session_name, "AWS_ROLE_SESSION_NAME");
    char name[64];
    rip_buffer form = {0};
    if (!text) {
        aws_remote_fail(remote, err);
        return;
    }
    char *token = strndup(text, strcspn(text, "\r\n"));
    (void)len;
    snprintf(name, sizeof name, "riposte-%lld", (long long)(rip_clock_now(remote->context.clock) / 1000));
    rip_buffer_puts(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
    aws_form_add(&form, "RoleArn", either(p->role_arn, "AWS_ROLE_ARN"));
    aws_form_add(&form, "RoleSessionName", session ? session : name);
    aws_form_add(&form, "WebIdentityToken", token ? token : "");
    aws_secret_free(token);
    aws_remote_ask_sts(remote, &form, NULL);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    web_identity *p = (web_identity *)self;
    const char *file = either(p->file, "AWS_WEB_IDENTITY_TOKEN_FILE");
    rip_error err;
    p->remote.done = done;
    p->remote.data = data;
    if (!file)
        rip_fail(&err, RIP_ENOTFOUND, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    else if (!either(p->role_arn, "AWS_ROLE_ARN"))
        rip_fail(&err, RIP_EINVAL, "AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN beside it");
    else { /* anew each time: the kubelet replaces it */
        aws_remote_read_file(&p->remote, file, TOKEN_BYTES_MAX, on_token);
        return;
    }
    aws_remote_fail(&p->remote, &err);
}

static void free_web_identity(aws_provider *self)
{
    web_identity *p = (web_identity *)self;
    aws_remote_stop(&p->remote);
    free(p->role_arn);
    free(p->file);
    free(p->session_name);
    free(p);
}

aws_provider *aws_provider_web_identity(const aws_provider_context *context, const char *role_arn, const char *file,
                                        const char *session_name)
{
    web_identity *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->remote = (aws_remote){.base = {fetch, free_web_identity}, .context = *context, .source = "web identity"};
    if (role_arn) p->role_arn = strdup(role_arn);
    if (file) p->file = strdup(file);
    if (session_name) p->session_name = strdup(session_name);
    if ((p->role_arn || !role_arn) && (p->file || !file) && (p->session_name || !session_name)) return &p->remote.base;
    free_web_identity(&p->remote.base);
    return NULL;
}
