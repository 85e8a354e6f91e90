/* Text from findings made harmless for where it is shown. All take one line as rip_escape_line leaves it. */
#ifndef RIPOSTE_NOTIFY_ESCAPE_H
#define RIPOSTE_NOTIFY_ESCAPE_H

#include "engine/base/buffer.h"

/** Slack's mrkdwn: &, < and > become entities, so that nothing is a link or a mention; @ and # are kept from what
 * follows them, so that "@channel" calls nobody; marks of bold, struck and code text do nothing ('_' is left, since
 * names are full of it: at worst it slants).
 * Follows: Slack, "Formatting text for app surfaces". */
void notify_escape_slack(rip_buffer *out, const char *text);
/** Text and quoted attributes of HTML. */
void notify_escape_html(rip_buffer *out, const char *text);
/** The inside of a JSON string, without its quotes. */
void notify_escape_json(rip_buffer *out, const char *text);
/** An SNS subject: printable ASCII, at most 100 characters, the first a letter, digit or mark. Follows: Amazon SNS API
 * Reference, Publish. */
void notify_escape_subject(rip_buffer *out, const char *text);

#endif
