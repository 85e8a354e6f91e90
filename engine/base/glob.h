/* Patterns with '*' and '?', as IAM writes actions and ARNs. */
#ifndef RIPOSTE_BASE_GLOB_H
#define RIPOSTE_BASE_GLOB_H

#include <stdbool.h>

/** Does `text` match `pattern`, where '*' is any run of characters (also none) and '?' is any one byte? Time is bounded
 * by the product of the lengths. Follows: IAM user guide, "Wildcards in paths and names". */
bool rip_glob_match(const char *pattern, const char *text);

/** The same without regard to the case of ASCII letters: IAM's action names are case-insensitive. */
bool rip_glob_match_nocase(const char *pattern, const char *text);

#define RIP_GLOB_MAX 2048 /* bytes: as long as an ARN may be */

/** Is there a text that matches both patterns, letters' case set aside? Time is bounded by the product of the lengths;
 * where one is longer than RIP_GLOB_MAX the answer is that there is. */
bool rip_glob_meet_nocase(const char *a, const char *b);

#endif
