#include <stdlib.h>

#include "aws/credentials/provider.h"

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    (void)self;
    const char *id = getenv("AWS_ACCESS_KEY_ID");
    rip_error err;
    aws_credentials *credentials = NULL;
    if (!id || !*id) {
        rip_fail(&err, RIP_ENOTFOUND, "AWS_ACCESS_KEY_ID is not set");
    } else {
        aws_credentials_new(id, getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"), getenv("AWS_ACCOUNT_ID"),
                            0, "environment", &credentials, &err);
    }
    done(data, credentials, credentials ? NULL : &err);
    aws_credentials_unref(credentials);
}

static void free_environment(aws_provider *self)
{
    free(self);
}

aws_provider *aws_provider_environment(void)
{
    aws_provider *p = malloc(sizeof *p);
    if (p) *p = (aws_provider){fetch, free_environment};
    return p;
}
