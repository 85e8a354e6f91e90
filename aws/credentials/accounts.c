#include "aws/credentials/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"
#include "aws/credentials/session_policy.h"
#include "aws/protocol/private.h"
#include "engine/base/glob.h"
#include "engine/base/json.h"

#define SESSIONS_MAX 512
#define SESSION_NAME_MAX 64

typedef struct kept_session {
    char *key;
    aws_credentials_cache *cache;
} kept_session;

struct aws_accounts {
    aws_provider_context context;
    aws_credentials_cache *home;
    char *role, *external_id;
    char **allowed;
    size_t allowed_count;
    char own[13]; /* "": not known yet */
    kept_session sessions[SESSIONS_MAX];
    size_t count, next;
};

/* Asks for the home credentials, learns whose they are, and assumes the role where that is another account. */
typedef struct visitor {
    aws_remote remote;
    aws_accounts *accounts;
    aws_credentials_wait *wait;
    aws_credentials *home;
    char account[13];
    char name[SESSION_NAME_MAX + 1];
    rip_buffer form;
} visitor;

static void go_on(visitor *v)
{
    if (strcmp(v->accounts->own, v->account) == 0) {
        v->remote.done(v->remote.data, v->home, NULL);
        return;
    }
    rip_buffer form = {0};
    rip_buffer_append(&form, v->form.data, v->form.len);
    aws_form_add(&form, "RoleSessionName", v->name);
    aws_remote_ask_sts(&v->remote, &form, v->home);
}

static void on_identity(void *data, const aws_http_response *response, const rip_error *err)
{
    visitor *v = data;
    rip_error why;
    aws_xml *xml = NULL;
    if (!response) {
        aws_remote_fail(&v->remote, err);
        return;
    }
    rip_status status = aws_xml_parse(response->body.data, response->body.len, &xml, &why);
    const aws_xml_node *root = status == RIP_OK ? aws_xml_root(xml) : NULL;
    const char *account = root ? aws_xml_find_text(root, "Account") : NULL;
    if (response->status == 200 && account && strlen(account) == 12)
        snprintf(v->accounts->own, sizeof v->accounts->own, "%s", account);
    else
        status =
            rip_fail(&why, aws_sts_status(&v->remote, response, root ? aws_xml_find_text(root, "Code") : NULL),
                     "STS did not tell whose credentials these are (GetCallerIdentity: HTTP %d)", response->status);
    aws_xml_free(xml);
    if (status == RIP_OK)
        go_on(v);
    else
        aws_remote_fail(&v->remote, &why);
}

static void on_home(void *data, aws_credentials *credentials, const rip_error *err)
{
    visitor *v = data;
    v->wait = NULL;
    if (!credentials) {
        aws_remote_fail(&v->remote, err);
        return;
    }
    aws_credentials_unref(v->home);
    v->home = aws_credentials_ref(credentials);
    if (!*v->accounts->own && credentials->account_id && strlen(credentials->account_id) == 12)
        snprintf(v->accounts->own, sizeof v->accounts->own, "%s", credentials->account_id);
    if (*v->accounts->own) {
        go_on(v);
        return;
    }
    rip_buffer form = {0};
    rip_buffer_puts(&form, "Action=GetCallerIdentity&Version=2011-06-15");
    aws_remote_post_sts(&v->remote, &form, credentials, on_identity);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    visitor *v = (visitor *)self;
    v->remote.done = done;
    v->remote.data = data;
    aws_credentials *ready = aws_credentials_cache_get(v->accounts->home, on_home, v, &v->wait);
    if (ready) on_home(v, ready, NULL);
}

static void free_visitor(aws_provider *self)
{
    visitor *v = (visitor *)self;
    aws_remote_stop(&v->remote);
    if (v->wait) aws_credentials_wait_cancel(v->wait);
    aws_credentials_unref(v->home);
    rip_buffer_free(&v->form);
    free(v);
}

/* The role's ARN, and the session's name. */

static char *fill_template(const char *template, const char *account, const char *region)
{
    rip_buffer out = {0};
    for (const char *at = template; *at;) {
        if (strncmp(at, "{account}", 9) == 0) {
            rip_buffer_puts(&out, account);
            at += 9;
        } else if (strncmp(at, "{partition}", 11) == 0) {
            rip_buffer_puts(&out, aws_partition_of(region));
            at += 11;
        } else {
            rip_buffer_putc(&out, *at++);
        }
    }
    return rip_buffer_take(&out, NULL);
}

/** What STS takes: 2 to 64 of [A-Za-z0-9_+=,.@-]; anything else becomes '-'. */
static void write_name(const aws_session *session, int64_t now_ms, char out[SESSION_NAME_MAX + 1])
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";
    if (session && session->name && strlen(session->name) > 1)
        snprintf(out, SESSION_NAME_MAX + 1, "%s", session->name);
    else
        snprintf(out, SESSION_NAME_MAX + 1, "riposte-%lld", (long long)(now_ms / 1000));
    for (char *at = out; *at; at++) {
        if (!strchr(PLAIN, *at)) *at = '-';
    }
}

static rip_status new_visitor(aws_accounts *accounts, const char *account, const char *region,
                              const aws_session *session, aws_provider **out, rip_error *err)
{
    char *arn = fill_template(accounts->role, account, region);
    char *policy = NULL;
    visitor *v = calloc(1, sizeof *v);
    rip_status status = arn && v ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK && session && session->permissions)
        status = aws_session_policy(session->permissions, &policy, err);
    if (status == RIP_OK) {
        aws_role role = {
            .arn = arn, .external_id = accounts->external_id, .policy = policy, .tags = session ? session->tags : NULL};
        v->remote = (aws_remote){.base = {fetch, free_visitor}, .context = accounts->context, .source = "session"};
        v->accounts = accounts;
        snprintf(v->account, sizeof v->account, "%s", account);
        write_name(session, rip_clock_now(accounts->context.clock), v->name);
        aws_form_assume_role(&v->form, &role);
        *out = &v->remote.base;
    } else {
        free(v);
    }
    free(policy);
    free(arn);
    return status;
}

/* Sessions. */

static bool is_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

static rip_status check_account(const aws_accounts *accounts, const char *account, rip_error *err)
{
    if (!is_account(account)) return rip_fail(err, RIP_EINVAL, "account %.32s: expected twelve digits", account);
    for (size_t i = 0; i < accounts->allowed_count; i++) {
        if (rip_glob_match(accounts->allowed[i], account)) return RIP_OK;
    }
    if (accounts->allowed_count == 0) return RIP_OK;
    return rip_fail(err, RIP_EDENIED,
                    "account %s is not on the list of accounts that a role may be assumed in (accounts.allow)",
                    account);
}

static char *key_of(const char *account, const char *region, const aws_session *session)
{
    char *permissions = session && session->permissions ? rip_json_dump(session->permissions, JSON_COMPACT) : NULL;
    char *tags = session && session->tags ? rip_json_dump(session->tags, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s %s %s %s %s", account, aws_partition_of(region),
                      session && session->name ? session->name : "", permissions ? permissions : "", tags ? tags : "");
    free(permissions);
    free(tags);
    return rip_buffer_take(&key, NULL);
}

/** A place for one more: a free one, or that of the oldest which nobody waits for. */
static kept_session *make_room(aws_accounts *accounts)
{
    if (accounts->count < SESSIONS_MAX) return &accounts->sessions[accounts->count++];
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        kept_session *oldest = &accounts->sessions[accounts->next];
        accounts->next = (accounts->next + 1) % SESSIONS_MAX;
        if (!aws_credentials_cache_is_idle(oldest->cache)) continue;
        aws_credentials_cache_free(oldest->cache);
        free(oldest->key);
        return oldest;
    }
    return NULL;
}

static rip_status add_session(aws_accounts *accounts, char *key, aws_provider *provider, aws_credentials_cache **out,
                              rip_error *err)
{
    aws_credentials_cache *cache = aws_credentials_cache_new(&accounts->context, provider);
    kept_session *place = cache ? make_room(accounts) : NULL;
    if (place) {
        *place = (kept_session){key, cache};
        *out = cache;
        return RIP_OK;
    }
    free(key);
    aws_credentials_cache_free(cache);
    return cache ? rip_fail(err, RIP_ELIMIT, "%d role sessions are being opened at once", SESSIONS_MAX)
                 : rip_nomem(err);
}

rip_status aws_accounts_find(aws_accounts *accounts, const char *account, const char *region,
                             const aws_session *session, aws_credentials_cache **out, rip_error *err)
{
    *out = accounts->home;
    if (!account || !*account) return RIP_OK;
    if (!accounts->role || strcmp(account, accounts->own) == 0) return RIP_OK;
    rip_status status = check_account(accounts, account, err);
    if (status != RIP_OK) return status;
    char *key = key_of(account, region, session);
    if (!key) return rip_nomem(err);
    for (size_t i = 0; i < accounts->count; i++) {
        if (strcmp(accounts->sessions[i].key, key) != 0) continue;
        free(key);
        *out = accounts->sessions[i].cache;
        return RIP_OK;
    }
    aws_provider *provider = NULL;
    status = new_visitor(accounts, account, region, session, &provider, err);
    if (status == RIP_OK) return add_session(accounts, key, provider, out, err);
    free(key);
    return status;
}

const char *aws_accounts_payer(const aws_accounts *accounts, const char *account)
{
    return accounts->role && strcmp(account, accounts->own) != 0 ? account : "";
}

void aws_accounts_drop(aws_accounts *accounts, const aws_credentials *refused)
{
    aws_credentials_cache_drop(accounts->home, refused);
    for (size_t i = 0; i < accounts->count; i++) aws_credentials_cache_drop(accounts->sessions[i].cache, refused);
}

aws_accounts *aws_accounts_new(const aws_provider_context *context, aws_credentials_cache *home,
                               const aws_wire_options *options)
{
    aws_accounts *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    bool has_role = options->role && *options->role;
    bool has_id = options->external_id && *options->external_id;
    a->context = *context;
    a->home = home;
    if (has_role) a->role = strdup(options->role);
    if (has_id) a->external_id = strdup(options->external_id);
    a->allowed = calloc(options->account_count + 1, sizeof *a->allowed);
    bool whole = a->allowed && (a->role || !has_role) && (a->external_id || !has_id);
    for (size_t i = 0; whole && i < options->account_count; i++) {
        a->allowed[i] = strdup(options->accounts[i]);
        whole = a->allowed[i] != NULL;
        a->allowed_count += whole;
    }
    if (whole) return a;
    aws_accounts_free(a);
    return NULL;
}

void aws_accounts_free(aws_accounts *accounts)
{
    if (!accounts) return;
    for (size_t i = 0; i < accounts->count; i++) {
        aws_credentials_cache_free(accounts->sessions[i].cache);
        free(accounts->sessions[i].key);
    }
    for (size_t i = 0; accounts->allowed && i < accounts->allowed_count; i++) free(accounts->allowed[i]);
    free(accounts->allowed);
    free(accounts->role);
    free(accounts->external_id);
    free(accounts);
}
