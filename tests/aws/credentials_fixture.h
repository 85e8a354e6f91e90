/* Credential providers under test, on a loop of their own, with a server on the loopback interface that plays the
 * metadata services, STS and IAM Identity Center. */
#ifndef RIPOSTE_TESTS_AWS_CREDENTIALS_FIXTURE_H
#define RIPOSTE_TESTS_AWS_CREDENTIALS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/credentials/provider.h"
#include "loopback.h"

typedef struct fixture {
    uv_loop_t loop;
    rip_clock *clock;
    aws_provider_context context;
    aws_profiles *profiles;
    loopback *server;
    const char *imds_token; /* the server's reply to PUT; NULL: 404, as where only version 1 speaks */
    const char *sts_reply;  /* to AssumeRole; NULL: credentials */
    char requests[16384];   /* all that the server saw, one after the other */
    unsigned told;          /* times that on_done was called */
    aws_credentials *credentials;
    rip_error err;
} fixture;

int set_up(void **state);
int tear_down(void **state);
void on_done(void *data, aws_credentials *credentials, const rip_error *err);
/** Ask the provider, wait for its answer, and free it. */
void fetch(fixture *f, aws_provider *provider);
void add_config(fixture *f, const char *text);

#endif
