#include "engine/command/engine.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/base/log.h"
#include "engine/command/terminal.h"
#include "engine/dispatch/words.h"
#include "engine/run/session_tags.h"

/* How long a command waits for a disk that is full before it gives up: what is not safe was not acknowledged. */
#define JOURNAL_PATIENCE_MS 10000

static void print_config_mistake(void *data, const rip_error *mistake)
{
    terminal_error(data, "%s", mistake->message);
}

static rip_status apply_setting(rip_config *config, const char *setting, rip_error *err)
{
    const char *equals = strchr(setting, '=');
    if (!equals) return rip_fail(err, RIP_EINVAL, "--set %s: expected KEY=VALUE", setting);
    char *key = strndup(setting, (size_t)(equals - setting));
    rip_status status = key ? rip_config_set(config, key, equals + 1, err) : rip_nomem(err);
    free(key);
    return status;
}

static rip_status open_log(const rip_config *config, rip_error *err)
{
    rip_log_level level;
    const char *name = rip_config_string(config, "log.level");
    if (!rip_log_level_parse(name, &level)) return rip_fail(err, RIP_EINVAL, "log.level: there is no level %s", name);
    bool json = strcmp(rip_config_string(config, "log.format"), "json") == 0;
    rip_log_open(stderr, json ? RIP_LOG_JSON : RIP_LOG_TEXT, level);
    return RIP_OK;
}

/* Mistakes were told one by one: what is left to say is what came of them. */
static rip_status refuse_mistakes(rip_status status, const char *where, rip_error *err)
{
    if (status != RIP_EINVAL) return status;
    return rip_fail(err, RIP_EINVAL, "%s has mistakes: nothing was done", where);
}

rip_status engine_configure(const char *command, const char *file, const char *const *settings, size_t count,
                            rip_config **out, rip_error *err)
{
    rip_config *config = rip_config_new();
    if (!config) return rip_nomem(err);
    void *name = (void *)(uintptr_t)command;
    rip_status status = RIP_OK;
    if (!file) file = getenv("RIPOSTE_CONFIG");
    if (file && *file)
        status = refuse_mistakes(rip_config_load(config, file, print_config_mistake, name, err), file, err);
    if (status == RIP_OK) {
        status = rip_config_read_environment(config, environ, print_config_mistake, name, err);
        status = refuse_mistakes(status, "the environment", err);
    }
    for (size_t i = 0; i < count && status == RIP_OK; i++) status = apply_setting(config, settings[i], err);
    if (status == RIP_OK) status = open_log(config, err);
    if (status == RIP_OK)
        *out = config;
    else
        rip_config_free(config);
    return status;
}

rip_status engine_models(const rip_config *config, aws_models **out, rip_error *err)
{
    size_t count = 0;
    const char *const *own = rip_config_strings(config, "aws.models", &count);
    const char **folders = calloc(count + 1, sizeof *folders);
    char *shipped = rip_data_path("aws/model", err);
    rip_status status = folders && shipped ? RIP_OK : folders ? RIP_ENOTFOUND : rip_nomem(err);
    if (status == RIP_OK) {
        for (size_t i = 0; i < count; i++) folders[i] = own[i];
        folders[count] = shipped;
        status = aws_models_new(folders, count + 1, out, err);
    }
    free(shipped);
    free(folders);
    return status;
}

rip_status engine_open(engine *e, const char *command, rip_config *config, int64_t start_ms, rip_error *err)
{
    *e = (engine){.command = command, .config = config};
    if (uv_loop_init(&e->loop) != 0) return rip_fail(err, RIP_EIO, "the event loop could not be started");
    e->loop_open = true;
    e->clock = start_ms < 0 ? rip_clock_new_real(&e->loop) : rip_clock_new_virtual(&e->loop, start_ms);
    if (!e->clock) return rip_nomem(err);
    return engine_models(config, &e->models, err);
}

/* A flag, else the configuration; NULL: neither says. */
static const char *setting(const engine *e, const char *flag, const char *key)
{
    const char *value = flag ? flag : rip_config_string(e->config, key);
    return *value ? value : NULL;
}

aws_wire_options engine_wire_options(engine *e, const char *profile, const char *endpoint_url)
{
    e->profile = setting(e, profile, "aws.profile");
    aws_wire_options options = {
        .loop = &e->loop,
        .clock = e->clock,
        .profile = e->profile,
        .endpoint_url = setting(e, endpoint_url, "aws.endpoint_url"),
        .role = setting(e, NULL, "accounts.role"),
        .external_id = setting(e, NULL, "accounts.external_id"),
    };
    options.accounts = rip_config_strings(e->config, "accounts.allow", &options.account_count);
    return options;
}

/* Guards. */

static json_t *strings_of(const rip_config *config, const char *key)
{
    size_t count;
    const char *const *values = rip_config_strings(config, key, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, json_string(values[i]));
    return list;
}

/* `otherwise` for a tag without a value. */
static json_t *tags_of(const rip_config *config, const char *key, const char *otherwise)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rip_config_rows(config, key); i++) {
        const char *value = rip_config_cell(config, key, i, "value");
        json_array_append_new(list, json_pack("{s:s, s:s}", "key", rip_config_cell(config, key, i, "key"), "value",
                                              value ? value : otherwise));
    }
    return list;
}

static rip_status open_session_tags(engine *e, rip_error *err)
{
    e->session_tags = tags_of(e->config, "accounts.session_tags", "");
    rip_status status = run_session_tags_check(e->session_tags, err);
    return status == RIP_OK ? status : rip_error_prefix(err, "accounts.session_tags: ");
}

/* The role in other accounts is the engine's own there, as it is here. */
static void protect_own_role(engine *e)
{
    const char *template = rip_config_string(e->config, "accounts.role"), *name = strrchr(template, '/');
    if (name) json_array_append_new(e->protected_arns, json_sprintf("arn:*:iam::*:role/%s", name + 1));
}

/* The engine's own queues, as ARNs, from their URLs. */
static void protect_own_queues(engine *e)
{
    for (size_t i = 0; i < rip_config_rows(e->config, "sqs"); i++) {
        const char *url = rip_config_cell(e->config, "sqs", i, "url"), *name = url ? strrchr(url, '/') : NULL;
        if (!name || name == url) continue;
        const char *account = name;
        while (account > url && account[-1] != '/') account--;
        json_array_append_new(e->protected_arns,
                              json_sprintf("arn:*:sqs:*:%.*s:%s", (int)(name - account), account, name + 1));
    }
}

static rip_status open_guard(engine *e, rip_error *err)
{
    size_t folder_count = 0;
    const char *const *folders = rip_config_strings(e->config, "aws.models", &folder_count);
    e->accounts = strings_of(e->config, "accounts.allow");
    e->regions = strings_of(e->config, "regions.allow");
    e->protected_arns = strings_of(e->config, "protect.arns");
    e->protected_tags = tags_of(e->config, "protect.tags", "*");
    protect_own_role(e);
    protect_own_queues(e);
    rip_status status = guard_windows_new(e->config, "windows", &e->windows, err);
    if (status == RIP_OK) status = run_targets_load(folders, folder_count, &e->targets, err);
    guard_policy policy = {
        .accounts = e->accounts,
        .regions = e->regions,
        .protected_arns = e->protected_arns,
        .protected_tags = e->protected_tags,
        .playbook_hourly = (unsigned)rip_config_integer(e->config, "limits.changes_per_playbook"),
        .account_hourly = (unsigned)rip_config_integer(e->config, "limits.changes_per_account"),
        .windows = e->windows,
        .has_role = *rip_config_string(e->config, "accounts.role"),
        .is_simulated = rip_clock_is_virtual(e->clock),
    };
    guard_context context = {e->targets, e->client, e->journal, e->clock};
    return status == RIP_OK ? guard_new(&policy, &context, &e->guard, err) : status;
}

/* The lower modes of some accounts. */
static rip_status open_account_modes(engine *e, rip_error *err)
{
    static const char KEY[] = "accounts.modes";
    run_mode mode;
    e->account_modes = json_object();
    for (size_t i = 0; i < rip_config_rows(e->config, KEY); i++) {
        const char *name = rip_config_cell(e->config, KEY, i, "mode");
        if (!run_mode_parse(name, &mode))
            return rip_fail(err, RIP_EINVAL, "%s[%zu]: there is no mode %s", KEY, i + 1, name);
        json_object_set_new(e->account_modes, rip_config_cell(e->config, KEY, i, "account"), json_string(name));
    }
    return RIP_OK;
}

/* Does the process that owns the journal listen? Then it is one that stays. */
static bool is_attended(const char *journal_path)
{
    rip_error none;
    char *path = control_path(journal_path);
    int fd = -1;
    if (path) control_connect(path, &fd, &none);
    free(path);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static rip_status open_journal(engine *e, rip_error *err)
{
    const char *path = rip_config_string(e->config, "journal.path");
    if (!*path || rip_clock_is_virtual(e->clock)) return journal_open_memory(&e->journal, err);
    char owner[64];
    snprintf(owner, sizeof owner, "riposte %s", e->command);
    journal_options options = {.path = path,
                               .access = JOURNAL_OWN,
                               .loop = &e->loop,
                               .owner = owner,
                               .give_up_after_ms = e->stays ? 0 : JOURNAL_PATIENCE_MS};
    rip_status status = journal_open_sqlite(&options, &e->journal, err);
    for (unsigned waited = 0; status == RIP_EAGAIN && e->waits && waited < ENGINE_OWNER_WAIT_MS && !is_attended(path);
         waited += ENGINE_OWNER_ASK_MS) {
        usleep(ENGINE_OWNER_ASK_MS * 1000);
        status = journal_open_sqlite(&options, &e->journal, err);
    }
    return status;
}

static rip_status open_client(engine *e, aws_transport *transport, rip_error *err)
{
    aws_client_options options = {
        .clock = e->clock,
        .models = e->models,
        .transport = transport,
        .max_attempts = (int)rip_config_integer(e->config, "aws.max_attempts"),
        .own_quotas = setting(e, NULL, "aws.quotas"),
        .alone = rip_clock_is_virtual(e->clock),
        .profile = e->profile,
        .seed = rip_clock_is_virtual(e->clock) ? 1 : 0, /* a drill is the same every time */
    };
    return aws_client_new(&options, &e->client, err);
}

/* Playbooks. */

void engine_mistake(void *data, const rip_playbook_mistake *mistake)
{
    char place[32] = "";
    if (mistake->line) snprintf(place, sizeof place, ":%u:%u", mistake->line, mistake->column);
    terminal_error(data, "%s%s: %s%s%s", mistake->path, place, mistake->field, *mistake->field ? ": " : "",
                   mistake->message);
}

/* A service tells in its log, whose lines programs read. */
static void on_book_mistake(void *data, const rip_playbook_mistake *mistake)
{
    const engine *e = data;
    char line[16];
    if (!e->stays) {
        engine_mistake((void *)(uintptr_t)e->command, mistake);
        return;
    }
    snprintf(line, sizeof line, "%u", mistake->line);
    rip_log(RIP_LOG_ERROR, "playbook.rejected", "path", mistake->path, "line", line, "field", mistake->field, "error",
            mistake->message, NULL);
}

const char *const *engine_book_paths(const engine *e, size_t *count)
{
    *count = e->given_count;
    if (e->given_count) return e->given_paths;
    const char *const *configured = rip_config_strings(e->config, "playbooks", count);
    if (*count) return configured;
    *count = 1;
    return (const char *const *)&e->shipped;
}

static rip_status load_books(engine *e, const library *before, library **out, rip_error *err)
{
    size_t count;
    const char *const *paths = engine_book_paths(e, &count);
    rip_status status = library_reload(before, paths, count, e->models, on_book_mistake, e, &e->mistakes, out, err);
    aws_models_settle(e->models);
    return status;
}

static rip_status open_books(engine *e, const char *const *paths, size_t count, rip_error *err)
{
    size_t configured;
    e->given_paths = paths;
    e->given_count = count;
    rip_config_strings(e->config, "playbooks", &configured);
    if (count == 0 && configured == 0 && !(e->shipped = rip_data_path("playbooks", err))) return RIP_ENOTFOUND;
    return load_books(e, NULL, &e->books, err);
}

static void set_run_limits(engine *e, const rip_config *config)
{
    e->context.changes = (unsigned)rip_config_integer(config, "limits.changes");
    e->context.steps = (size_t)rip_config_integer(config, "limits.run_steps");
    e->context.record_bytes = (size_t)rip_config_size(config, "limits.run_record");
    e->context.run_time_ms = rip_config_duration(config, "limits.run_time");
    e->context.vm_limits.memory_bytes = (size_t)rip_config_size(config, "limits.run_memory");
    e->context.vm_limits.instructions = (uint64_t)rip_config_integer(config, "limits.instructions");
}

static void set_context(engine *e)
{
    run_mode mode = RUN_DRY_RUN;
    run_mode_parse(rip_config_string(e->config, "mode"), &mode);
    e->context = (run_context){
        .clock = e->clock,
        .journal = e->journal,
        .client = e->client,
        .guard = e->guard,
        .session_tags = e->session_tags,
        .mode = mode,
        .account_modes = e->account_modes,
        .preflight = e->preflight,
    };
    set_run_limits(e, e->config);
}

static dispatch_limits dispatch_limits_of(const rip_config *config)
{
    return (dispatch_limits){
        .runs = (unsigned)rip_config_integer(config, "limits.runs"),
        .playbook_runs = (unsigned)rip_config_integer(config, "limits.runs_per_playbook"),
        .account_runs = (unsigned)rip_config_integer(config, "limits.runs_per_account"),
        .tries = (unsigned)rip_config_integer(config, "retries.tries"),
        .retry_ms = rip_config_duration(config, "retries.delay"),
        .approval_ms = rip_config_duration(config, "approvals.deadline"),
        .approvers = (unsigned)rip_config_integer(config, "approvals.people"),
        .approve_at_end = strcmp(rip_config_string(config, "approvals.otherwise"), "approve") == 0,
    };
}

rip_status engine_start(engine *e, aws_transport *transport, const char *const *paths, size_t count,
                        const dispatch_listener *listener, rip_error *err)
{
    rip_status status = open_client(e, transport, err);
    if (status == RIP_OK) status = open_session_tags(e, err);
    if (status == RIP_OK) status = open_account_modes(e, err);
    if (status == RIP_OK) status = open_journal(e, err);
    if (status == RIP_OK) status = open_guard(e, err);
    if (status == RIP_OK) status = open_books(e, paths, count, err);
    if (status == RIP_OK) {
        status = suppressions_new(e->config, "suppressions", print_config_mistake, (void *)(uintptr_t)e->command,
                                  &e->suppressions, err);
        status = refuse_mistakes(status, "the configuration", err);
    }
    if (status != RIP_OK) return status;
    set_context(e);
    dispatch_options options = {
        .context = &e->context,
        .books = e->books,
        .suppressions = e->suppressions,
        .events = {.bytes = (size_t)rip_config_size(e->config, "limits.event_bytes"),
                   .depth = (unsigned)rip_config_integer(e->config, "limits.event_depth")},
        .limits = dispatch_limits_of(e->config),
        .listener = *listener,
    };
    return dispatch_new(&options, &e->dispatch, err);
}

rip_status engine_reload(engine *e, const rip_config *config, rip_error *err)
{
    library *books = NULL;
    suppressions *kept_back = NULL;
    dispatch_limits limits = dispatch_limits_of(config);
    rip_status status =
        suppressions_new(config, "suppressions", print_config_mistake, (void *)(uintptr_t)e->command, &kept_back, err);
    if (status == RIP_OK) status = load_books(e, e->books, &books, err);
    if (status == RIP_OK && library_count(books) == 0)
        status = rip_fail(err, RIP_EINVAL, "no playbook could be loaded: those of before stay");
    if (status == RIP_OK) status = dispatch_reload(e->dispatch, books, kept_back, &limits, err);
    if (status != RIP_OK) {
        library_free(books);
        suppressions_free(kept_back);
        return status;
    }
    library_free(e->books);
    suppressions_free(e->suppressions);
    e->books = books;
    e->suppressions = kept_back;
    set_run_limits(e, config);
    guard_limit(e->guard, (unsigned)rip_config_integer(config, "limits.changes_per_playbook"),
                (unsigned)rip_config_integer(config, "limits.changes_per_account"));
    return RIP_OK;
}

static void perform_word(void *performer, const json_t *request, journal_answer done, void *data)
{
    words_perform(performer, request, done, data);
}

void engine_listen(engine *e)
{
    const char *journal_path = rip_config_string(e->config, "journal.path");
    if (!*journal_path || rip_clock_is_virtual(e->clock)) return;
    char *path = control_path(journal_path);
    rip_error err;
    control_options options = {.clock = e->clock, .path = path, .perform = perform_word, .performer = e->dispatch};
    rip_status status = path ? control_open(&options, &e->control, &err) : rip_nomem(&err);
    if (status != RIP_OK) rip_log(RIP_LOG_WARN, "control.unavailable", "error", err.message, NULL);
    free(path);
}

static void close_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void engine_end(engine *e)
{
    dispatch_free(e->dispatch);
    control_free(e->control);
    e->dispatch = NULL;
    e->control = NULL;
}

void engine_close(engine *e)
{
    engine_end(e);
    suppressions_free(e->suppressions);
    library_free(e->books);
    journal_close(e->journal);
    guard_free(e->guard);
    run_targets_free(e->targets);
    aws_client_free(e->client);
    aws_models_free(e->models);
    json_decref(e->accounts);
    json_decref(e->session_tags);
    json_decref(e->regions);
    json_decref(e->protected_arns);
    json_decref(e->protected_tags);
    json_decref(e->account_modes);
    guard_windows_free(e->windows);
    rip_clock_free(e->clock);
    rip_config_free(e->config);
    free(e->shipped);
    if (!e->loop_open) return;
    uv_run(&e->loop, UV_RUN_NOWAIT); /* what was freed closes its handles */
    uv_walk(&e->loop, close_handle, NULL);
    uv_run(&e->loop, UV_RUN_DEFAULT);
    uv_loop_close(&e->loop);
}
