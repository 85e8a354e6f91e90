/* Which credentials a call in an account takes: the default ones at home, a role's session elsewhere. */
#ifndef RIPOSTE_AWS_CREDENTIALS_ACCOUNTS_H
#define RIPOSTE_AWS_CREDENTIALS_ACCOUNTS_H

#include "aws/client.h"
#include "aws/credentials/provider.h"

typedef struct aws_accounts aws_accounts;

/** `home` holds the default credentials and is borrowed, as is the context. Role, external id and allow list of
 * `options` are copied. NULL when memory is out. */
aws_accounts *aws_accounts_new(const aws_provider_context *context, aws_credentials_cache *home,
                               const aws_wire_options *options);
void aws_accounts_free(aws_accounts *accounts);

/** The cache to ask for `account` ("" or NULL: the credentials' own). Sessions are kept and shared by account, session
 * name and permissions. RIP_EDENIED for an account that is not on the list. */
rip_status aws_accounts_find(aws_accounts *accounts, const char *account, const char *region,
                             const aws_session *session, aws_credentials_cache **out, rip_error *err);

/** The account that a call in `account` is made in, "" for the default credentials' own: without a role they serve
 * every account; with one, their own is known by its number from the first session on (before it, the number stands for
 * itself). Borrowed from the arguments. */
const char *aws_accounts_payer(const aws_accounts *accounts, const char *account);

/** AWS said that these are expired: whoever holds them forgets them. */
void aws_accounts_drop(aws_accounts *accounts, const aws_credentials *refused);

#endif
