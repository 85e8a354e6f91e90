/* The same message for whoever reads plain text: a topic's subscribers, a mail reader. */
#ifndef RIPOSTE_NOTIFY_PLAIN_H
#define RIPOSTE_NOTIFY_PLAIN_H

#include <jansson.h>

#include "engine/base/buffer.h"

/** Words of a batch (brief_batch_words), a paragraph each. */
void notify_write_plain(rip_buffer *out, const json_t *all);
/** The first's title, and how many more there are. */
void notify_write_subject(rip_buffer *out, const json_t *all);

#endif
