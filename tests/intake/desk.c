#include "tests/intake/desk.h"

#include "engine/base/data.h"

typedef struct played_aws {
    aws_transport base;
    rip_clock *clock;
    desk_answer answer;
    void *data;
} played_aws;

typedef struct exchange {
    rip_timer timer;
    aws_attempt *attempt;
    json_t *reply;
} exchange;

static void on_due(void *data)
{
    exchange *x = data;
    aws_attempt *attempt = x->attempt;
    json_t *reply = x->reply;
    free(x);
    const char *code = json_string_value(json_object_get(reply, "$error"));
    aws_error error = {.http_status = 400};
    snprintf(error.code, sizeof error.code, "%s", code ? code : "");
    snprintf(error.message, sizeof error.message, "no");
    aws_reply answer = {code ? NULL : reply, code ? &error : NULL, "request-1", 0, -1};
    attempt->done(attempt, &answer);
    json_decref(reply);
}

static void on_send(aws_transport *self, aws_attempt *attempt)
{
    played_aws *aws = (played_aws *)self;
    exchange *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->attempt = attempt;
    x->reply = aws->answer(aws->data, attempt);
    attempt->transport_data = x;
    json_int_t after = json_integer_value(json_object_get(x->reply, "$after"));
    rip_timer_start(&x->timer, aws->clock, after ? (uint64_t)after : 1, on_due, x);
}

static void on_cancel(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    exchange *x = attempt->transport_data;
    rip_timer_stop(&x->timer);
    json_decref(x->reply);
    free(x);
}

static void on_free(aws_transport *self)
{
    free(self);
}

static rip_status take(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err)
{
    desk *d = data;
    d->offers++;
    if (d->mood == DESK_FULL) return RIP_EAGAIN;
    if (d->mood == DESK_REFUSE) return rip_fail(err, RIP_EINVAL, "expected a finding");
    json_array_append_new(d->taken, json_stringn(bytes, len));
    json_array_append_new(d->origins, json_string(origin));
    if (d->mood == DESK_HOLD) {
        assert_true(d->held_count < DESK_HELD_MOST);
        d->held[d->held_count].kept = kept;
        d->held[d->held_count++].data = kept_data;
        return RIP_OK;
    }
    rip_error io = {RIP_EIO, "the disk is full"};
    kept(kept_data, d->mood == DESK_KEEP ? RIP_OK : RIP_EIO, d->mood == DESK_KEEP ? NULL : &io);
    return RIP_OK;
}

void desk_open(desk *d, desk_answer answer, void *data)
{
    rip_error err;
    memset(d, 0, sizeof *d);
    assert_int_equal(uv_loop_init(&d->loop), 0);
    d->clock = rip_clock_new_virtual(&d->loop, 1762092849000);
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    assert_int_equal(aws_models_new(folders, 1, &d->models, &err), RIP_OK);
    free(folder);
    played_aws *aws = calloc(1, sizeof *aws);
    assert_non_null(aws);
    *aws = (played_aws){{.send = on_send, .cancel = on_cancel, .free = on_free}, d->clock, answer, data};
    aws_client_options options = {
        .clock = d->clock, .models = d->models, .transport = &aws->base, .seed = 1, .alone = true};
    assert_int_equal(aws_client_new(&options, &d->client, &err), RIP_OK);
    assert_int_equal(journal_open_memory(&d->journal, &err), RIP_OK);
    d->sink = (live_sink){take, d};
    d->taken = json_array();
    d->origins = json_array();
}

void desk_close(desk *d)
{
    json_decref(d->taken);
    json_decref(d->origins);
    journal_close(d->journal);
    aws_client_free(d->client);
    aws_models_free(d->models);
    rip_clock_free(d->clock);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

void desk_tell(desk *d, rip_status status)
{
    rip_error err = {status, "told by the test"};
    size_t count = d->held_count;
    d->held_count = 0;
    for (size_t i = 0; i < count; i++) d->held[i].kept(d->held[i].data, status, status == RIP_OK ? NULL : &err);
}

static void on_passed(void *data)
{
    *(bool *)data = true;
}

void desk_pass(desk *d, int64_t ms)
{
    bool passed = false;
    rip_timer timer = {0};
    rip_timer_start(&timer, d->clock, (uint64_t)ms, on_passed, &passed);
    while (!passed) uv_run(&d->loop, UV_RUN_ONCE);
}

long long desk_number(const live_source *source, const char *key)
{
    json_t *status = source->ops->status(source);
    long long number = json_integer_value(json_object_get(status, key));
    json_decref(status);
    return number;
}

const char *desk_text(const live_source *source, const char *key)
{
    static char text[RIP_ERROR_MESSAGE_MAX];
    json_t *status = source->ops->status(source);
    const char *told = json_string_value(json_object_get(status, key));
    snprintf(text, sizeof text, "%s", told ? told : "");
    json_decref(status);
    return text;
}
