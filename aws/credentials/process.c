/* credential_process: a program of the user's choice prints credentials as JSON. */
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"

#define OUTPUT_MAX ((size_t)64 << 10)
#define TIMEOUT_MS 60000

typedef struct process {
    aws_provider base;
    aws_provider_context context;
    char *command;
    struct child *child;
} process;

/* Outlives its provider where that is freed first: libuv's handles close later. */
typedef struct child {
    process *owner; /* NULL: nobody waits any more */
    aws_provider_done done;
    void *data;
    uv_process_t handle;
    uv_pipe_t pipe;
    rip_timer late;
    rip_buffer output;
    rip_error why;
    int64_t status;
    unsigned open; /* handles; the last to close ends it */
    char block[4096];
} child;

static rip_status read_output(const child *c, aws_credentials **out, rip_error *err)
{
    static const aws_credentials_names NAMES = {"AccessKeyId", "SecretAccessKey", "SessionToken", "AccountId",
                                                "Expiration"};
    if (c->why.status != RIP_OK) {
        *err = c->why;
        return err->status;
    }
    if (c->status != 0)
        return rip_fail(err, RIP_EREMOTE, "credential_process ended with status %lld", (long long)c->status);
    json_t *object = aws_remote_json("credential_process", c->output.data, c->output.len, err);
    if (!object) return err->status;
    rip_status status;
    if (json_integer_value(json_object_get(object, "Version")) != 1)
        status = rip_fail(err, RIP_EINVAL, "credential_process: expected \"Version\": 1 in its output");
    else
        status = aws_credentials_from_json(object, &NAMES, "credential_process", out, err);
    if (status == RIP_OK && *out && (*out)->expires_ms &&
        (*out)->expires_ms <= rip_clock_now(c->owner->context.clock)) {
        aws_credentials_unref(*out);
        *out = NULL;
        status =
            rip_fail(err, RIP_EINVAL, "credential_process printed credentials that have expired (Expiration %.40s)",
                     json_string_value(json_object_get(object, "Expiration")));
    }
    json_decref(object);
    return status;
}

static void end(child *c)
{
    process *p = c->owner;
    rip_timer_stop(&c->late);
    if (p) {
        rip_error err;
        aws_credentials *credentials = NULL;
        p->child = NULL;
        rip_status status = read_output(c, &credentials, &err);
        c->done(c->data, credentials, status == RIP_OK ? NULL : &err);
        aws_credentials_unref(credentials);
    }
    if (c->output.data) OPENSSL_cleanse(c->output.data, c->output.cap);
    OPENSSL_cleanse(c->block, sizeof c->block);
    rip_buffer_free(&c->output);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    child *c = handle->data;
    if (--c->open == 0) end(c);
}

static void close_pipe(child *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->pipe)) uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void kill_child(child *c)
{
    /* Once it has ended, its number may be another's. */
    if (!uv_is_closing((uv_handle_t *)&c->handle)) uv_process_kill(&c->handle, SIGKILL);
}

static void on_exit_status(uv_process_t *handle, int64_t status, int signal)
{
    child *c = handle->data;
    c->status = signal ? 128 + signal : status;
    uv_close((uv_handle_t *)handle, on_closed);
}

static void hang_up(child *c, rip_status status, const char *what)
{
    if (c->why.status == RIP_OK) rip_fail(&c->why, status, "credential_process %s", what);
    kill_child(c);
    close_pipe(c);
}

static void on_late(void *data)
{
    hang_up(data, RIP_ETIMEOUT, "did not end within a minute");
}

static void on_block_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    child *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->block, sizeof c->block);
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    child *c = stream->data;
    if (len < 0) {
        close_pipe(c);
    } else if (c->output.len + (size_t)len > OUTPUT_MAX) {
        hang_up(c, RIP_ELIMIT, "printed more than 64 KiB");
    } else {
        rip_buffer_append(&c->output, buf->base, (size_t)len);
    }
}

static int spawn(process *p, child *c)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char *args[] = {shell, flag, p->command, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipe},
        {.flags = UV_IGNORE},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_status, .file = shell, .args = args, .stdio_count = 3, .stdio = stdio};
    return uv_spawn(p->context.loop, &c->handle, &options);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    process *p = (process *)self;
    child *c = calloc(1, sizeof *c);
    rip_error err;
    if (!c) {
        rip_nomem(&err);
        done(data, NULL, &err);
        return;
    }
    *c = (child){.owner = p, .done = done, .data = data, .open = 2};
    p->child = c;
    uv_pipe_init(p->context.loop, &c->pipe, 0);
    c->pipe.data = c;
    c->handle.data = c;
    int code = spawn(p, c);
    if (code != 0) {
        rip_fail(&c->why, RIP_EIO, "credential_process could not be started: %s", uv_strerror(code));
        close_pipe(c);
        uv_close((uv_handle_t *)&c->handle, on_closed);
        return;
    }
    uv_read_start((uv_stream_t *)&c->pipe, on_block_wanted, on_output);
    rip_timer_start(&c->late, p->context.clock, TIMEOUT_MS, on_late, c);
}

static void free_process(aws_provider *self)
{
    process *p = (process *)self;
    if (p->child) {
        p->child->owner = NULL;
        rip_timer_stop(&p->child->late); /* the clock may go before the handles are closed */
        kill_child(p->child);
        close_pipe(p->child);
    }
    free(p->command);
    free(p);
}

aws_provider *aws_provider_process(const aws_provider_context *context, const char *command)
{
    process *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (process){.base = {fetch, free_process}, .context = *context, .command = strdup(command)};
    if (p->command) return &p->base;
    free(p);
    return NULL;
}
