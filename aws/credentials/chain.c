#include <stdlib.h>
#include <string.h>

#include "aws/credentials/provider.h"

typedef struct chain {
    aws_provider base;
    aws_provider_done done;
    void *data;
    size_t count, at;
    rip_buffer tried;
    aws_provider *providers[];
} chain;

static void on_fetched(void *data, aws_credentials *credentials, const rip_error *err)
{
    chain *c = data;
    if (credentials || err->status != RIP_ENOTFOUND) {
        c->done(c->data, credentials, err);
        return;
    }
    rip_buffer_printf(&c->tried, "%s%s", c->at ? "; " : "", err->message);
    if (++c->at < c->count) {
        c->providers[c->at]->fetch(c->providers[c->at], on_fetched, c);
        return;
    }
    rip_error none;
    rip_fail(&none, RIP_ENOTFOUND, "no AWS credentials: %s", c->tried.failed ? "out of memory" : c->tried.data);
    c->done(c->data, NULL, &none);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    chain *c = (chain *)self;
    c->done = done;
    c->data = data;
    c->at = 0;
    rip_buffer_clear(&c->tried);
    c->providers[0]->fetch(c->providers[0], on_fetched, c);
}

static void free_chain(aws_provider *self)
{
    chain *c = (chain *)self;
    for (size_t i = 0; i < c->count; i++) c->providers[i]->free(c->providers[i]);
    rip_buffer_free(&c->tried);
    free(c);
}

aws_provider *aws_provider_chain(aws_provider *const *providers, size_t count)
{
    chain *c = calloc(1, sizeof *c + count * sizeof *providers);
    bool whole = c != NULL;
    for (size_t i = 0; i < count; i++) whole = whole && providers[i];
    if (!whole) {
        for (size_t i = 0; i < count; i++) {
            if (providers[i]) providers[i]->free(providers[i]);
        }
        free(c);
        return NULL;
    }
    c->base = (aws_provider){fetch, free_chain};
    c->count = count;
    memcpy(c->providers, providers, count * sizeof *providers);
    return &c->base;
}

aws_provider *aws_provider_default(const aws_provider_context *context)
{
    const char *profile = aws_profile_name(context->profile);
    /* A profile that was asked for by name is meant: the environment's keys must not win over it. */
    if (context->profile && *context->profile) return aws_provider_profile(context, profile);
    aws_provider *const all[] = {
        aws_provider_environment(),
        aws_provider_web_identity(context, NULL, NULL, NULL),
        aws_provider_profile(context, profile),
        aws_provider_container(context),
        aws_provider_imds(context),
    };
    return aws_provider_chain(all, sizeof all / sizeof *all);
}
