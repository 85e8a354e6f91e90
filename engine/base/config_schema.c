/* Every key of the configuration. docs/CONFIGURATION.md shows the same, and a test compares them. */
#include <string.h>

#include "engine/base/config_private.h"

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

static const rip_config_column TAG_COLUMNS[] = {
    {"key", "The tag's key; * and ? are wildcards.", true, false},
    {"value", "The tag's value, with the same wildcards. Left out: any value.", false, false},
};

static const rip_config_column SESSION_TAG_COLUMNS[] = {
    {"key", "The tag's key.", true, false},
    {"value", "Its value, with {run}, {playbook} and {finding} filled in.", true, false},
};

static const rip_config_column SUPPRESSION_COLUMNS[] = {
    {"name", "How reports call it.", true, false},
    {"pattern", "An EventBridge event pattern; the events that match are suppressed.", true, true},
    {"reason", "Why, for those who read it later.", true, false},
    {"expires", "A day (2026-12-31) or an RFC 3339 time from which it no longer holds. Left out: it holds for good.",
     false, false},
};

static const rip_config_column WINDOW_COLUMNS[] = {
    {"playbook", "The playbooks it is for; * and ? are wildcards. Left out: all.", false, false},
    {"account", "The accounts it is for, with the same wildcards. Left out: all.", false, false},
    {"days", "The days on which it begins: mon-fri, or sat,sun. Left out: every day.", false, false},
    {"from", "When it begins, UTC: 22:00.", true, false},
    {"to", "When it ends: 24:00 at the latest, or past midnight where it is before `from`.", true, false},
};

static const rip_config_column ACCOUNT_MODE_COLUMNS[] = {
    {"account", "The account's id.", true, false},
    {"mode", "observe, dry-run, approve or enforce.", true, false},
};

static const rip_config_column NOTIFY_COLUMNS[] = {
    {"name", "How logs and metrics call it.", true, false},
    {"kind", "sns, eventbridge, slack, teams, pagerduty, http or ses.", true, false},
    {"target", "The topic's or bus's ARN, the address (https://), or the e-mail addresses, separated by commas.", false,
     false},
    {"secret_file",
     "A file with one line: the webhook's address (slack, teams), the routing key (pagerduty), or the value of the "
     "Authorization header (http).",
     false, false},
    {"when", "A list of approval, failed, contained and guard. Left out: all of them.", false, true},
    {"template_file", "The body that http sends, with {field} filled in. Left out: all fields as one object.", false,
     false},
    {"rate", "How many messages in which time: 10/1h. Left out: any number.", false, false},
    {"digest", "How long the first message waits for others to go with it: 5m. Left out: not at all.", false, false},
    {"retry",
     "How long a message waits that could not be told, twice as long each time, an hour at most. Left out: 10s.", false,
     false},
    {"from", "The sender's address (ses).", false, false},
    {"region", "The region in which SES is used (ses).", false, false},
};

#define COLUMNS(list) .columns = (list), .column_count = sizeof(list) / sizeof *(list)

static const rip_config_key SCHEMA[] = {
    {.name = "mode",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "dry-run",
     .words = "observe dry-run approve enforce",
     .about = "What runs may do to the world. A playbook's own mode can lower it, never raise it."},
    {.name = "playbooks",
     .type = RIP_CONFIG_STRINGS,
     .otherwise = "",
     .about = "Playbook files and folders. Empty: the playbooks that come with Riposte."},

    {.name = "journal.path",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "The database that keeps findings, runs and their steps. Empty: nothing outlives the process."},
    {.name = "journal.keep",
     .type = RIP_CONFIG_DURATION,
     .otherwise = "90d",
     .least = 3600 * SECOND,
     .most = 3660 * DAY,
     .about = "How long ended runs and their findings are kept. The audit chain remembers them for good."},

    {.name = "log.level",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "warn",
     .words = "debug info warn error",
     .about = "The least severe that is logged, to standard error."},
    {.name = "log.format",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "text",
     .words = "text json",
     .about = "Text for people, or one JSON object a line."},

    {.name = "aws.models",
     .type = RIP_CONFIG_STRINGS,
     .otherwise = "",
     .about = "Folders of API models that are looked into before the ones that come with Riposte."},
    {.name = "aws.max_attempts",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "0",
     .most = 100,
     .about = "Attempts at one AWS call, the first included. 0: as AWS_MAX_ATTEMPTS and the profile say, else 3."},
    {.name = "aws.quotas",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "A file in the form of aws/quotas.json, for quotas that AWS has changed for you: its services take the "
              "place of those. Empty: none."},
    {.name = "aws.endpoint_url",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "Where AWS calls are sent, for an emulator or a proxy. Empty: as AWS_ENDPOINT_URL and the profile say, "
              "else AWS itself."},
    {.name = "aws.profile",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "The profile of AWS's configuration files. Empty: as AWS_PROFILE says."},

    {.name = "accounts.allow",
     .type = RIP_CONFIG_STRINGS,
     .otherwise = "",
     .about = "The account ids in which changes are made; * and ? are wildcards. Empty: every account."},
    {.name = "accounts.role",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "The role that is assumed to act in another account, with {partition} and {account} filled in: "
              "arn:{partition}:iam::{account}:role/riposte. Empty: no role is assumed."},
    {.name = "accounts.external_id",
     .type = RIP_CONFIG_STRING,
     .otherwise = "",
     .about = "The external id that goes with that role. Empty: none."},
    {.name = "accounts.session_tags",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(SESSION_TAG_COLUMNS),
     .about = "Tags of that role's sessions, for CloudTrail and for policies that ask for aws:PrincipalTag."},
    {.name = "regions.allow",
     .type = RIP_CONFIG_STRINGS,
     .otherwise = "",
     .about = "The regions in which changes are made; * and ? are wildcards. Empty: every region."},

    {.name = "accounts.modes",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(ACCOUNT_MODE_COLUMNS),
     .about = "Accounts whose mode is lower than the global one."},
    {.name = "protect.arns",
     .type = RIP_CONFIG_STRINGS,
     .otherwise = "",
     .about = "ARNs that no playbook may change; * and ? are wildcards."},
    {.name = "protect.tags",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(TAG_COLUMNS),
     .about = "Tags whose resources no playbook may change."},

    {.name = "limits.changes",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "1000",
     .least = 1,
     .most = 1000000,
     .about = "Changes that one run may make. A playbook's own limit can lower it."},
    {.name = "limits.changes_per_playbook",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "0",
     .most = 10000000,
     .about = "Changes that all runs of one playbook may make within an hour. 0: any number."},
    {.name = "limits.changes_per_account",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "0",
     .most = 10000000,
     .about = "Changes that all runs may make in one account within an hour. 0: any number."},
    {.name = "limits.run_time",
     .type = RIP_CONFIG_DURATION,
     .otherwise = "1h",
     .least = SECOND,
     .most = 366 * DAY,
     .about = "How long one run may take, waits included."},
    {.name = "limits.run_memory",
     .type = RIP_CONFIG_SIZE,
     .otherwise = "64MiB",
     .least = MIB,
     .most = 4 * GIB,
     .about = "Memory of one run's Lua state."},
    {.name = "limits.instructions",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "100000000",
     .least = 1000,
     .most = INT64_C(1000000000000),
     .about = "Lua instructions that one run may execute."},
    {.name = "limits.event_bytes",
     .type = RIP_CONFIG_SIZE,
     .otherwise = "1MiB",
     .least = KIB,
     .most = 64 * MIB,
     .about = "Size of one document that comes in."},
    {.name = "limits.event_depth",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "64",
     .least = 8,
     .most = 512,
     .about = "How deeply objects and arrays may nest in a document that comes in."},
    {.name = "limits.runs",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "64",
     .least = 1,
     .most = 10000,
     .about = "Runs that go on at the same time; others wait for their turn."},
    {.name = "limits.runs_per_playbook",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "0",
     .most = 10000,
     .about = "Runs of one playbook that go on at the same time. 0: no limit of its own."},
    {.name = "limits.runs_per_account",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "0",
     .most = 10000,
     .about = "Runs in one account that go on at the same time. 0: no limit of its own."},

    {.name = "retries.tries",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "3",
     .least = 1,
     .most = 100,
     .about = "How often a run is tried that fails for a reason that passes. Then it is parked for a person."},
    {.name = "retries.delay",
     .type = RIP_CONFIG_DURATION,
     .otherwise = "10s",
     .least = 1,
     .most = DAY,
     .about = "How long the second try waits; each after it twice as long, an hour at most."},

    {.name = "approvals.people",
     .type = RIP_CONFIG_INTEGER,
     .otherwise = "1",
     .least = 1,
     .most = 10,
     .about = "How many people must approve a plan."},
    {.name = "approvals.deadline",
     .type = RIP_CONFIG_DURATION,
     .otherwise = "24h",
     .least = SECOND,
     .most = 366 * DAY,
     .about = "How long a plan waits for them."},
    {.name = "approvals.otherwise",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "deny",
     .words = "deny approve",
     .about = "What becomes of a plan that nobody decided about in time."},

    {.name = "windows",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(WINDOW_COLUMNS),
     .about = "When changes may be made. A playbook and account that no row names may change things at any time."},

    {.name = "suppressions",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(SUPPRESSION_COLUMNS),
     .about = "Events that are known and need no answer."},

    {.name = "outcome.securityhub",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "update",
     .words = "none update",
     .about = "Whether findings of Security Hub are given a workflow status and a note with the run's id."},
    {.name = "outcome.resolve",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "done",
     .words = "never done",
     .about =
         "Whether a run that contained its finding makes it RESOLVED; else it becomes NOTIFIED, as all others do."},
    {.name = "outcome.guardduty",
     .type = RIP_CONFIG_CHOICE,
     .otherwise = "none",
     .words = "none archive",
     .about = "Whether findings of GuardDuty that were contained are archived, with feedback that names the run."},
    {.name = "outcome.dry_run",
     .type = RIP_CONFIG_BOOLEAN,
     .otherwise = "false",
     .about = "Whether findings are updated for runs in observe and dry-run too."},
    {.name = "notify",
     .type = RIP_CONFIG_ROWS,
     .otherwise = "",
     COLUMNS(NOTIFY_COLUMNS),
     .about = "Who is told of runs that wait for approval, failed, contained a finding, or were stopped by a guard."},
};

const rip_config_key *rip_config_schema(size_t *count)
{
    *count = sizeof SCHEMA / sizeof *SCHEMA;
    return SCHEMA;
}

const rip_config_key *config_key_find(const char *name)
{
    for (size_t i = 0; i < sizeof SCHEMA / sizeof *SCHEMA; i++) {
        if (strcmp(SCHEMA[i].name, name) == 0) return &SCHEMA[i];
    }
    return NULL;
}
