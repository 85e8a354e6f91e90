/* The shared config and credentials files of the AWS SDKs (~/.aws/config, ~/.aws/credentials), read once.
 *
 * Follows: AWS SDKs and Tools Reference Guide, "Shared config and credentials files". */
#ifndef RIPOSTE_AWS_PROFILE_H
#define RIPOSTE_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"

#define AWS_PROFILE_BYTES_MAX ((size_t)1 << 20)

typedef struct aws_profiles aws_profiles;

/** No files: everything asked for is NULL. NULL when memory is out. */
aws_profiles *aws_profiles_new(void);

/** Read the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name, by default those in ~/.aws. A file that is
 * not there is as an empty one. It waits for the disk: a program calls it where it starts, before anything waits for
 * its loop. */
rip_status aws_profiles_load(aws_profiles **out, rip_error *err);

/** Add a file's text over what is there. In the credentials file a section is a profile's bare name; in the config file
 * it is "default", "profile NAME", "sso-session NAME" or "services NAME". RIP_EINVAL names the line. */
rip_status aws_profiles_parse(aws_profiles *profiles, const char *name, bool is_credentials, const char *text,
                              size_t len, rip_error *err);

/** Wipes what was read. */
void aws_profiles_free(aws_profiles *profiles);

/** Is there a profile of that name? */
bool aws_profiles_has(const aws_profiles *profiles, const char *profile);
/** A profile's key ("region"; a nested one as "s3.addressing_style"), or NULL. Borrowed. */
const char *aws_profiles_get(const aws_profiles *profiles, const char *profile, const char *key);
/** A key of another section: kind is "sso-session" or "services". */
const char *aws_profiles_section(const aws_profiles *profiles, const char *kind, const char *name, const char *key);

/** The profile in use: `given` if it is not NULL or "", else AWS_PROFILE, else "default". */
const char *aws_profile_name(const char *given);
/** A setting: the environment's `variable` (may be NULL), else the profile's `key` (may be NULL), else NULL. An empty
 * variable counts as none. */
const char *aws_setting(const aws_profiles *profiles, const char *profile, const char *variable, const char *key);
/** The same as a switch: "true" in any case. */
bool aws_setting_on(const aws_profiles *profiles, const char *profile, const char *variable, const char *key);

#endif
