#include <stdlib.h>
#include <string.h>

#include "aws/credentials/provider.h"

#define CHAIN_MAX 8 /* profiles that lean on each other */

/* The provider that a profile's keys ask for, built when it is first used: the files say which. */
typedef struct by_profile {
    aws_provider base;
    aws_provider_context context;
    char *name;
    aws_provider *behind; /* NULL: static keys, or not built yet */
} by_profile;

/** The profiles on the way to this one, to see a loop. */
typedef struct trail {
    const char *names[CHAIN_MAX];
    size_t count;
} trail;

static rip_status build(const aws_provider_context *context, const char *profile, trail *seen, aws_provider **out,
                        rip_error *err);

static const char *key_of(const aws_provider_context *context, const char *profile, const char *key)
{
    const char *value = aws_profiles_get(context->profiles, profile, key);
    return value && *value ? value : NULL;
}

/* Static keys. */

typedef struct fixed {
    aws_provider base;
    aws_credentials *credentials;
} fixed;

static void fetch_fixed(aws_provider *self, aws_provider_done done, void *data)
{
    done(data, ((fixed *)self)->credentials, NULL);
}

static void free_fixed(aws_provider *self)
{
    aws_credentials_unref(((fixed *)self)->credentials);
    free(self);
}

static rip_status build_fixed(const aws_provider_context *context, const char *profile, aws_provider **out,
                              rip_error *err)
{
    fixed *f = malloc(sizeof *f);
    if (!f) return rip_nomem(err);
    f->base = (aws_provider){fetch_fixed, free_fixed};
    rip_status status = aws_credentials_new(
        key_of(context, profile, "aws_access_key_id"), key_of(context, profile, "aws_secret_access_key"),
        key_of(context, profile, "aws_session_token"), key_of(context, profile, "aws_account_id"), 0, "profile",
        &f->credentials, err);
    if (status == RIP_OK)
        *out = &f->base;
    else
        free(f);
    return status == RIP_OK ? status : rip_error_prefix(err, "profile %s: ", profile);
}

/* Roles. */

static rip_status build_source(const aws_provider_context *context, const char *profile, trail *seen,
                               aws_provider **out, rip_error *err)
{
    const char *source = key_of(context, profile, "source_profile");
    const char *from = key_of(context, profile, "credential_source");
    if (source && from)
        return rip_fail(err, RIP_EINVAL, "profile %s: source_profile and credential_source exclude each other",
                        profile);
    if (source && strcmp(source, profile) == 0 && key_of(context, profile, "aws_access_key_id"))
        return build_fixed(context, profile, out, err);
    if (source) return build(context, source, seen, out, err);
    if (!from)
        return rip_fail(err, RIP_EINVAL, "profile %s: role_arn needs source_profile or credential_source", profile);
    if (strcmp(from, "Environment") == 0)
        *out = aws_provider_environment();
    else if (strcmp(from, "EcsContainer") == 0)
        *out = aws_provider_container(context);
    else if (strcmp(from, "Ec2InstanceMetadata") == 0)
        *out = aws_provider_imds(context);
    else
        return rip_fail(err, RIP_EINVAL,
                        "profile %s: credential_source %s: expected Environment, EcsContainer or Ec2InstanceMetadata",
                        profile, from);
    return *out ? RIP_OK : rip_nomem(err);
}

static rip_status build_role(const aws_provider_context *context, const char *profile, trail *seen, aws_provider **out,
                             rip_error *err)
{
    const char *duration = key_of(context, profile, "duration_seconds");
    aws_role role = {
        .arn = key_of(context, profile, "role_arn"),
        .external_id = key_of(context, profile, "external_id"),
        .session_name = key_of(context, profile, "role_session_name"),
        .duration_s = duration ? (int)strtol(duration, NULL, 10) : 0,
    };
    if (key_of(context, profile, "mfa_serial"))
        return rip_fail(err, RIP_EINVAL,
                        "profile %s: mfa_serial asks for a code from a person, which a service can't give: use a role "
                        "without MFA, or set temporary credentials in the environment",
                        profile);
    if (duration && (role.duration_s < 900 || role.duration_s > 43200))
        return rip_fail(err, RIP_EINVAL, "profile %s: duration_seconds %s: expected 900 to 43200", profile, duration);
    aws_provider *source = NULL;
    rip_status status = build_source(context, profile, seen, &source, err);
    if (status != RIP_OK) return status;
    *out = aws_provider_role(context, source, &role);
    return *out ? RIP_OK : rip_nomem(err);
}

static rip_status enter(trail *seen, const char *profile, rip_error *err)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->names[i], profile) == 0)
            return rip_fail(err, RIP_EINVAL, "profile %s: its source_profile leads back to itself", profile);
    }
    if (seen->count == CHAIN_MAX)
        return rip_fail(err, RIP_ELIMIT, "profile %s: more than %d profiles lean on each other", profile, CHAIN_MAX);
    seen->names[seen->count++] = profile;
    return RIP_OK;
}

static rip_status build(const aws_provider_context *context, const char *profile, trail *seen, aws_provider **out,
                        rip_error *err)
{
    rip_status status = enter(seen, profile, err);
    if (status != RIP_OK) return status;
    const char *role = key_of(context, profile, "role_arn");
    const char *token_file = key_of(context, profile, "web_identity_token_file");
    if (!aws_profiles_has(context->profiles, profile))
        return rip_fail(err, seen->count > 1 ? RIP_EINVAL : RIP_ENOTFOUND, "there is no profile %s", profile);
    if (role && token_file)
        *out = aws_provider_web_identity(context, role, token_file, key_of(context, profile, "role_session_name"));
    else if (role)
        return build_role(context, profile, seen, out, err);
    else if (key_of(context, profile, "aws_access_key_id"))
        return build_fixed(context, profile, out, err);
    else if (key_of(context, profile, "sso_session") || key_of(context, profile, "sso_start_url"))
        *out = aws_provider_sso(context, profile);
    else if (key_of(context, profile, "credential_process"))
        *out = aws_provider_process(context, key_of(context, profile, "credential_process"));
    else
        return rip_fail(err, seen->count > 1 ? RIP_EINVAL : RIP_ENOTFOUND, "profile %s holds no credentials", profile);
    return *out ? RIP_OK : rip_nomem(err);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    by_profile *p = (by_profile *)self;
    rip_error err;
    trail seen = {0};
    rip_status status = p->behind ? RIP_OK : build(&p->context, p->name, &seen, &p->behind, &err);
    /* A profile that a person named and that is not there is a mistake, not a reason to look elsewhere. */
    if (status == RIP_ENOTFOUND && strcmp(p->name, "default") != 0) err.status = RIP_EINVAL;
    if (status == RIP_OK && p->behind)
        p->behind->fetch(p->behind, done, data);
    else
        done(data, NULL, &err);
}

static void free_profile(aws_provider *self)
{
    by_profile *p = (by_profile *)self;
    if (p->behind) p->behind->free(p->behind);
    free(p->name);
    free(p);
}

aws_provider *aws_provider_profile(const aws_provider_context *context, const char *profile)
{
    by_profile *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (by_profile){.base = {fetch, free_profile}, .context = *context, .name = strdup(profile)};
    if (p->name) return &p->base;
    free(p);
    return NULL;
}
