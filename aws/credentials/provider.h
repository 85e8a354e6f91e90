/* Where credentials come from: one file a provider, all behind this. */
#ifndef RIPOSTE_AWS_CREDENTIALS_PROVIDER_H
#define RIPOSTE_AWS_CREDENTIALS_PROVIDER_H

#include <uv.h>

#include "aws/credentials/credentials.h"
#include "aws/endpoint.h"
#include "aws/profile.h"
#include "aws/sign.h"
#include "aws/transport_curl.h"
#include "engine/base/clock.h"

/** What providers stand on; borrowed, and outlives them. */
typedef struct aws_provider_context {
    uv_loop_t *loop;
    rip_clock *clock;
    aws_web *web;
    aws_signer *signer;
    const aws_profiles *profiles;
    const char *profile;
    const char *region; /* for STS; never NULL */
    int64_t *skew_ms;   /* AWS's clock less ours, learnt from refused signatures; NULL: nobody keeps it */
} aws_provider_context;

/** `credentials` is borrowed (take a reference to keep it); NULL with `err` when there are none: RIP_ENOTFOUND when
 * this source is not set up, so that the next is asked; anything else is told to the user. */
typedef void (*aws_provider_done)(void *data, aws_credentials *credentials, const rip_error *err);

typedef struct aws_provider aws_provider;
struct aws_provider {
    /** One at a time. `done` is called once, perhaps from inside. */
    void (*fetch)(aws_provider *self, aws_provider_done done, void *data);
    /** Gives up what is under way: `done` is not called any more. */
    void (*free)(aws_provider *self);
};

/* Each gives NULL when memory is out. The context is borrowed, strings are copied. */
aws_provider *aws_provider_environment(void);
/** All that a profile's keys can ask for: static keys, role_arn, web identity, SSO, credential_process. */
aws_provider *aws_provider_profile(const aws_provider_context *context, const char *profile);
/** AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE. */
aws_provider *aws_provider_web_identity(const aws_provider_context *context, const char *role_arn, const char *file,
                                        const char *session_name);
aws_provider *aws_provider_sso(const aws_provider_context *context, const char *profile);
aws_provider *aws_provider_process(const aws_provider_context *context, const char *command);
aws_provider *aws_provider_container(const aws_provider_context *context);
aws_provider *aws_provider_imds(const aws_provider_context *context);
/** Where instance metadata is asked for: the environment's and the profile's word, else its address on the link.
 * RIP_ENOTFOUND where it is switched off. */
rip_status aws_imds_endpoint(const aws_provider_context *context, aws_endpoint *out, rip_error *err);

/** Asks `source` (taken over), then STS for the role. */
typedef struct aws_role {
    const char *arn;
    const char *external_id;  /* NULL: none */
    const char *session_name; /* NULL: riposte-TIME */
    const char *policy;       /* a session policy as JSON; NULL: none */
    const json_t *tags;       /* {"key": "value"}, borrowed during the call; NULL: none */
    int duration_s;           /* 0: 3,600 */
} aws_role;
aws_provider *aws_provider_role(const aws_provider_context *context, aws_provider *source, const aws_role *role);

/** Asks one after the other until one is set up. `providers` are taken over, also when memory is out. */
aws_provider *aws_provider_chain(aws_provider *const *providers, size_t count);
/** The SDKs' order: environment, web identity, profile, container, instance. */
aws_provider *aws_provider_default(const aws_provider_context *context);

/* The cache: keeps what a provider gave and refreshes it before it ends, once however many wait. */

typedef struct aws_credentials_cache aws_credentials_cache;
typedef struct aws_credentials_wait aws_credentials_wait;

/** `provider` is taken over. NULL when memory is out. */
aws_credentials_cache *aws_credentials_cache_new(const aws_provider_context *context, aws_provider *provider);
/** Gives up who waits (no callbacks). */
void aws_credentials_cache_free(aws_credentials_cache *cache);
/** Good credentials are given at once: a borrowed pointer. NULL: `done` will be called from the loop, and *wait is what
 * aws_credentials_wait_cancel takes until then. */
aws_credentials *aws_credentials_cache_get(aws_credentials_cache *cache, aws_provider_done done, void *data,
                                           aws_credentials_wait **wait);
void aws_credentials_wait_cancel(aws_credentials_wait *wait);
/** Does nobody wait, and no refresh go on? */
bool aws_credentials_cache_is_idle(const aws_credentials_cache *cache);
/** The next get asks the provider again (AWS said that they are expired). */
void aws_credentials_cache_drop(aws_credentials_cache *cache, const aws_credentials *refused);

#endif
