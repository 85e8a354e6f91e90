#include "tests/run/fake_aws.h"

#include "aws/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_aws {
    aws_transport base;
    rip_clock *clock;
    const json_t *replies;
    json_t *sent;
};

typedef struct exchange {
    rip_timer timer;
    fake_aws *fake;
    aws_attempt *attempt;
} exchange;

static void on_due(void *data)
{
    exchange *x = data;
    aws_attempt *attempt = x->attempt;
    json_t *reply = json_object_get(x->fake->replies, aws_operation_name(attempt->operation));
    const char *code = json_string_value(json_object_get(reply, "$error"));
    aws_error error = {.http_status = 400};
    json_t *output = code ? NULL : reply ? json_incref(reply) : json_object();
    free(x);
    if (code) {
        const char *message = json_string_value(json_object_get(reply, "message"));
        snprintf(error.code, sizeof error.code, "%s", code);
        snprintf(error.message, sizeof error.message, "%s", message ? message : "no");
        error.fields = json_object_get(reply, "fields");
        if (json_object_get(reply, "status"))
            error.http_status = (int)json_integer_value(json_object_get(reply, "status"));
    }
    aws_reply answer = {output, code ? &error : NULL, "request-1", 0, -1};
    attempt->done(attempt, &answer);
    json_decref(output);
}

static void fake_send(aws_transport *self, aws_attempt *attempt)
{
    fake_aws *fake = (fake_aws *)self;
    const aws_session *session = attempt->session;
    json_array_append_new(fake->sent, json_pack("{s:s, s:O, s:s, s:s, s:s?, s:O?}", "operation",
                                                aws_operation_name(attempt->operation), "params", attempt->params,
                                                "account", attempt->account, "region", attempt->region, "token",
                                                attempt->token, "tags", session ? session->tags : NULL));
    exchange *x = calloc(1, sizeof *x);
    if (!x) abort();
    x->fake = fake;
    x->attempt = attempt;
    attempt->transport_data = x;
    rip_timer_start(&x->timer, fake->clock, 1, on_due, x);
}

static void fake_cancel(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    exchange *x = attempt->transport_data;
    rip_timer_stop(&x->timer);
    free(x);
}

static void fake_free(aws_transport *self)
{
    fake_aws *fake = (fake_aws *)self;
    json_decref(fake->sent);
    free(fake);
}

fake_aws *fake_aws_new(rip_clock *clock, const json_t *replies)
{
    fake_aws *fake = calloc(1, sizeof *fake);
    if (!fake) abort();
    fake->base = (aws_transport){.send = fake_send, .cancel = fake_cancel, .free = fake_free};
    fake->clock = clock;
    fake->replies = replies;
    fake->sent = json_array();
    return fake;
}

aws_transport *fake_aws_transport(fake_aws *fake)
{
    return &fake->base;
}

json_t *fake_aws_sent(fake_aws *fake)
{
    return fake->sent;
}
