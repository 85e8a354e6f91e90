/* What the providers that ask a server share: one request at a time, and its end. */
#ifndef RIPOSTE_AWS_CREDENTIALS_REMOTE_H
#define RIPOSTE_AWS_CREDENTIALS_REMOTE_H

#include "aws/credentials/provider.h"

#define AWS_REMOTE_BYTES_MAX ((size_t)256 << 10)

typedef struct aws_remote aws_remote;
struct aws_file_read;

/** `text` is NUL-terminated, and wiped when this returns; NULL with `err` where the file could not be read. */
typedef void (*aws_file_done)(aws_remote *remote, const char *text, size_t len, const rip_error *err);

/** The first member of such a provider. */
struct aws_remote {
    aws_provider base;
    aws_provider_context context;
    const char *source; /* "imds", for messages */
    aws_provider_done done;
    void *data;
    aws_exchange *exchange; /* NULL: none under way */
    aws_exchange_done on_reply;
    struct aws_file_read *reading; /* NULL: none under way */
};

/** Send a request, whose content is moved; `on_reply` gets the remote as its data. A request that can't be sent ends
 * the fetch. */
void aws_remote_send(aws_remote *remote, aws_http_request *request, const aws_web_limits *limits,
                     aws_exchange_done on_reply);
/** Read a file (a token, that may be replaced at any time) in libuv's thread pool: the loop waits for no disk. `then`
 * is called from the loop. RIP_EINVAL where the file is not there: it was named, so that is a mistake. */
void aws_remote_read_file(aws_remote *remote, const char *path, size_t max, aws_file_done then);
/** A GET of `path` at an endpoint (path and all), with one header or none (`name` NULL). The value may be secret. */
rip_status aws_remote_get(const aws_endpoint *endpoint, const char *path, const char *name, const char *value,
                          aws_http_request *request, rip_error *err);
void aws_remote_fail(aws_remote *remote, const rip_error *err);
/** End the fetch with the credentials in a JSON object, or with what is wrong with it. */
void aws_remote_finish(aws_remote *remote, const json_t *object, const aws_credentials_names *names);
/** What an error reply means to the calls that wait: RIP_EIO where it passes, as throttling does, so that they are
 * tried again by their own rules; else RIP_EREMOTE. `code` is AWS's word; NULL: none. */
rip_status aws_remote_status(const aws_http_response *response, const char *code);
/** The same for STS, of whose reply our clock is corrected where that was the reason: RIP_EIO too. */
rip_status aws_sts_status(aws_remote *remote, const aws_http_response *response, const char *code);
/** Give up what is under way. */
void aws_remote_stop(aws_remote *remote);
/** The object in a JSON body; NULL with `err` where there is none. New reference. */
json_t *aws_remote_json(const char *source, const char *bytes, size_t len, rip_error *err);

/** What a metadata service (instance or container) replies: {"AccessKeyId", "SecretAccessKey", "Token", "Expiration",
 * "AccountId"}. An "error" that it reports in `Code` and `Message` is told. */
rip_status aws_metadata_credentials(const char *source, const char *bytes, size_t len, aws_credentials **out,
                                    rip_error *err);
/** The same, as a fetch's end. */
void aws_remote_finish_metadata(aws_remote *remote, const aws_http_response *response);

/** AssumeRole and its like: POST `form` to STS, signed with `credentials` (NULL: unsigned), and end the fetch with the
 * credentials in its reply. `form` is taken over. */
void aws_remote_ask_sts(aws_remote *remote, rip_buffer *form, const aws_credentials *credentials);
/** The POST alone: `then` gets the reply. */
void aws_remote_post_sts(aws_remote *remote, rip_buffer *form, const aws_credentials *credentials,
                         aws_exchange_done then);
/** The parameters of AssumeRole into an empty form, all but the session's name. */
void aws_form_assume_role(rip_buffer *form, const aws_role *role);
/** Append "&name=value" to a form, encoded. */
void aws_form_add(rip_buffer *form, const char *name, const char *value);

#endif
