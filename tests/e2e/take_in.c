/* take_in CONFIG: the sources that a configuration names, with its journal and nothing behind it. Ends on SIGTERM once
 * nothing is under way, and prints the sources' status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/data.h"
#include "engine/finding/finding.h"
#include "engine/intake/live_set.h"

#define UNDER_WAY_MOST 200

typedef struct intake {
    uv_loop_t loop;
    uv_signal_t term;
    rip_clock *clock;
    rip_config *config;
    aws_models *models;
    aws_client *client;
    journal *journal;
    live_set *set;
    size_t under_way;
    bool is_ending;
} intake;

typedef struct arrival {
    intake *in;
    live_kept kept;
    void *data;
} arrival;

static void on_accepted(void *data, rip_status status, json_t *value, const rip_error *err)
{
    arrival *a = data;
    (void)value;
    a->in->under_way--;
    a->kept(a->data, status, err);
    free(a);
}

static rip_status take(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err)
{
    intake *in = data;
    json_t *finding = NULL;
    if (in->under_way >= UNDER_WAY_MOST) return rip_fail(err, RIP_EAGAIN, "enough is under way");
    rip_status status = finding_normalise(bytes, len, NULL, &finding, err);
    if (status != RIP_OK) return status;
    arrival *a = malloc(sizeof *a);
    if (!a) abort();
    *a = (arrival){in, kept, kept_data};
    in->under_way++;
    journal_arrival what = {.finding = finding,
                            .event = bytes,
                            .event_len = len,
                            .origin = origin,
                            .received_ms = rip_clock_now(in->clock)};
    journal_accept(in->journal, &what, on_accepted, a);
    json_decref(finding);
    return RIP_OK;
}

static void on_term(uv_signal_t *signal, int number)
{
    intake *in = signal->data;
    (void)number;
    in->is_ending = true;
    live_set_stop(in->set);
}

static rip_status open_all(intake *in, const char *path, rip_error *err)
{
    aws_transport *wire = NULL;
    char *folder = rip_data_path("aws/model", err);
    const char *const folders[] = {folder};
    uv_loop_init(&in->loop);
    in->clock = rip_clock_new_real(&in->loop);
    in->config = rip_config_new();
    rip_status status = rip_config_load(in->config, path, NULL, NULL, err);
    if (status == RIP_OK) status = aws_models_new(folders, 1, &in->models, err);
    free(folder);
    aws_wire_options wires = {.loop = &in->loop, .clock = in->clock};
    if (status == RIP_OK) status = aws_wire_new(&wires, &wire, err);
    aws_client_options clients = {.clock = in->clock, .models = in->models, .transport = wire};
    if (status == RIP_OK) status = aws_client_new(&clients, &in->client, err);
    journal_options keep = {
        .path = rip_config_string(in->config, "journal.path"), .loop = &in->loop, .owner = "take_in"};
    if (status == RIP_OK) status = journal_open_sqlite(&keep, &in->journal, err);
    live_parts parts = {
        .config = in->config, .client = in->client, .clock = in->clock, .journal = in->journal, .sink = {take, in}};
    if (status == RIP_OK) status = live_set_new(&parts, &in->set, err);
    if (status == RIP_OK) status = live_set_start(in->set, err);
    return status;
}

static void close_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void close_all(intake *in)
{
    live_set_free(in->set);
    if (in->journal) journal_close(in->journal);
    aws_client_free(in->client);
    aws_models_free(in->models);
    rip_clock_free(in->clock);
    rip_config_free(in->config);
    uv_run(&in->loop, UV_RUN_NOWAIT); /* what was freed closes its handles */
    uv_walk(&in->loop, close_handle, NULL);
    uv_run(&in->loop, UV_RUN_DEFAULT);
    uv_loop_close(&in->loop);
}

int main(int argc, char **argv)
{
    intake in = {0};
    rip_error err = {RIP_EINVAL, "usage: take_in CONFIG"};
    rip_status status = argc == 2 ? open_all(&in, argv[1], &err) : RIP_EINVAL;
    if (status != RIP_OK) {
        fprintf(stderr, "take_in: %s\n", err.message);
        return 1;
    }
    uv_signal_init(&in.loop, &in.term);
    in.term.data = &in;
    uv_signal_start(&in.term, on_term, SIGTERM);
    while (!in.is_ending || live_set_under_way(in.set) > 0) uv_run(&in.loop, UV_RUN_ONCE);
    json_t *told = live_set_status(in.set);
    json_dumpf(told, stdout, JSON_COMPACT);
    puts("");
    json_decref(told);
    close_all(&in);
    return 0;
}
