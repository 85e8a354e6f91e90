/* bench-aws-calls URL CALLS AT_ONCE [bare]: calls of ecs:DescribeClusters, signed, sent to URL, their replies parsed;
 * or, to compare, the same calls unsigned and unread, by libcurl and libuv alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "aws/client.h"
#include "bare_http.h"
#include "cpu_time.h"
#include "engine/base/clock.h"
#include "engine/base/data.h"

typedef struct bench {
    aws_client *client;
    const aws_operation *operation;
    json_t *params;
    unsigned long left, under_way, failed;
    char why[RIP_ERROR_MESSAGE_MAX];
} bench;

static void start(bench *b);

static void on_done(void *data, const aws_result *result)
{
    bench *b = data;
    b->under_way--;
    if (result->error || json_array_size(json_object_get(result->output, "clusters")) != 1) {
        b->failed++;
        snprintf(b->why, sizeof b->why, "%s", result->error ? result->error->message : "not the reply expected");
    }
    start(b);
}

static void start(bench *b)
{
    static const aws_call_options OPTIONS = {.region = "us-east-1"};
    rip_error err;
    aws_call *call;
    if (b->left == 0) return;
    b->left--;
    b->under_way++;
    if (aws_call_start(b->client, b->operation, b->params, &OPTIONS, on_done, b, &call, &err) == RIP_OK) return;
    fprintf(stderr, "%s\n", err.message);
    exit(1);
}

static void open_client(bench *b, uv_loop_t *loop, rip_clock *clock, aws_models *models, const char *url)
{
    /* No quota: the bound is this program, not an account's. */
    json_t *quotas = json_pack("{s:[]}", "groups");
    rip_error err = {0};
    aws_transport *wire = NULL;
    const aws_service *service;
    aws_wire_options options = {.loop = loop, .clock = clock, .endpoint_url = url};
    rip_status status = aws_wire_new(&options, &wire, &err);
    aws_client_options client = {.clock = clock, .models = models, .transport = wire, .quotas = quotas};
    if (status == RIP_OK) status = aws_client_new(&client, &b->client, &err);
    if (status == RIP_OK) status = aws_models_service(models, "ecs", &service, &err);
    if (status == RIP_OK) status = aws_service_operation(service, "DescribeClusters", &b->operation, &err);
    json_decref(quotas);
    if (status == RIP_OK) return;
    fprintf(stderr, "%s\n", err.message);
    exit(1);
}

static unsigned long signed_calls(uv_loop_t *loop, const char *url, unsigned long calls, unsigned long at_once)
{
    rip_error err = {0};
    aws_models *models = NULL;
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    if (!folder || aws_models_new(folders, 1, &models, &err) != RIP_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    rip_clock *clock = rip_clock_new_real(loop);
    bench b = {.left = calls, .params = json_pack("{s:[s]}", "clusters", "web")};
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1);
    open_client(&b, loop, clock, models, url);
    for (unsigned long i = 0; i < at_once; i++) start(&b);
    while (b.under_way > 0) uv_run(loop, UV_RUN_ONCE);
    if (b.failed) fprintf(stderr, "%s\n", b.why);
    aws_client_free(b.client);
    json_decref(b.params);
    aws_models_free(models);
    rip_clock_free(clock);
    uv_run(loop, UV_RUN_DEFAULT);
    free(folder);
    return b.failed;
}

int main(int argc, char **argv)
{
    bool bare = argc == 5 && strcmp(argv[4], "bare") == 0;
    if (argc != 4 && !bare) {
        fputs("Usage: bench-aws-calls URL CALLS AT_ONCE [bare]\n", stderr);
        return 2;
    }
    uv_loop_t loop;
    uv_loop_init(&loop);
    unsigned long calls = strtoul(argv[2], NULL, 10);
    unsigned long at_once = strtoul(argv[3], NULL, 10);
    unsigned long asked = allocations();
    double cpu = cpu_us();
    uint64_t begun = uv_hrtime();
    unsigned long failed = (bare ? bare_http : signed_calls)(&loop, argv[1], calls, at_once);
    double elapsed = (double)(uv_hrtime() - begun) / 1e9;
    printf("%lu %s calls, %lu at once: %.0f calls/s, %.1f us CPU a call", calls, bare ? "bare" : "signed", at_once,
           (double)calls / elapsed, (cpu_us() - cpu) / (double)calls);
    if (allocations_are_counted()) printf(", %.1f allocations a call", (double)(allocations() - asked) / (double)calls);
    printf(", %lu failed\n", failed);
    uv_loop_close(&loop);
    return failed ? 1 : 0;
}
