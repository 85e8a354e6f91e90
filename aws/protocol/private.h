/* What the protocols share. */
#ifndef RIPOSTE_AWS_PROTOCOL_PRIVATE_H
#define RIPOSTE_AWS_PROTOCOL_PRIVATE_H

#include "aws/protocol.h"
#include "aws/protocol/value.h"

/* Shapes may be recursive: values that nest deeper than this are refused. */
#define AWS_DEPTH_MAX 100

/* What the SDKs call the member of a union that the model does not know: {"SDK_UNKNOWN_MEMBER": {"name": …}}. */
#define AWS_UNKNOWN_MEMBER "SDK_UNKNOWN_MEMBER"

/** Append a structure as `json` and rest-json write it: only members that go into the body. {} where there is no shape.
 */
rip_status aws_json_write(rip_buffer *out, const aws_shape *shape, const json_t *value, rip_error *err);
/** Any JSON value. NUL characters in its texts become U+FFFD: a name or a log line that holds one must not make the
 * whole reply unreadable, and what takes texts as C strings must not see half of them. New reference; NULL with `err`.
 */
json_t *aws_json_load(const char *bytes, size_t len, rip_error *err);
/** A structure from its JSON, as aws_json_load reads it, with the model's names and types; what the model does not know
 * is left out. {} where there is no shape, unless it is a page of markup. New reference; NULL with `err`. */
json_t *aws_json_read(const aws_shape *shape, const char *bytes, size_t len, rip_error *err);

/** The parameters as the SDKs prepare them for sending (base64, digests, ids without a path): `*params` is a reference,
 * which may become one to a copy. */
rip_status aws_params_prepare(const aws_operation *operation, json_t **params, rip_error *err);

/** Is it one of S3's listings of objects, whose names are asked for percent-encoded? */
bool aws_is_listing(const aws_operation *operation);
/** The names in a listing's output as they are, where it came encoded; its EncodingType goes. */
rip_status aws_listing_decode(json_t *output, rip_error *err);

/** "Action=…&Version=…&…" of query and ec2. */
rip_status aws_query_write(const aws_operation *operation, const json_t *params, rip_buffer *out, rip_error *err);

/** The element `name` for a value. `member` tells its namespace and traits. */
rip_status aws_xml_write(rip_buffer *out, const aws_member *member, const char *name, const json_t *value,
                         rip_error *err);

typedef struct aws_xml aws_xml;
typedef struct aws_xml_node aws_xml_node;
struct aws_xml_node {
    const char *name; /* without a namespace's prefix */
    const char *text; /* all of it, "" where there is none */
    size_t text_len;
    const char *const *attributes; /* name, value, …, NULL; names as written */
    const aws_xml_node *first, *next;
};

/** Read a document. RIP_EIO when it is not well-formed, declares a document type, or nests deeper than AWS_DEPTH_MAX.
 */
rip_status aws_xml_parse(const char *bytes, size_t len, aws_xml **out, rip_error *err);
const aws_xml_node *aws_xml_root(const aws_xml *xml);
void aws_xml_free(aws_xml *xml);
const aws_xml_node *aws_xml_child(const aws_xml_node *node, const char *name);
/** The text of the first element of that name anywhere below; NULL if there is none. */
const char *aws_xml_find_text(const aws_xml_node *node, const char *name);
/** Can the element be the structure's, or is it another page's? HTML is never; else one with elements of which the
 * model knows none is not. */
bool aws_xml_may_be(const aws_shape *shape, const aws_xml_node *node);
/** A structure's value from the children of `node`, only members of the body. New reference; NULL with `err`. */
json_t *aws_xml_read(const aws_shape *shape, const aws_xml_node *node, rip_error *err);

/** The member of an output that is a stream of events; NULL: there is none. */
const aws_member *aws_event_stream_member(const aws_shape *output);
/** All events of a finite stream, as a list in the member's place. RIP_EIO for what is damaged, RIP_EREMOTE for an
 * error in its course. */
rip_status aws_event_stream_read(const aws_shape *output, const aws_member *stream, bool xml, const rip_buffer *body,
                                 json_t *into, rip_error *err);

/** Both REST protocols. `input_member` is the operation's reference to its input: it names XML's root. */
rip_status aws_rest_build(const aws_operation *operation, const aws_member *input_member, const json_t *params,
                          aws_http_request *request, rip_error *err);
rip_status aws_rest_parse(const aws_operation *operation, const aws_http_response *response, json_t **output,
                          rip_error *err);

/** Has the structure members that are in the body? NULL: it has none. */
bool aws_has_body(const aws_shape *shape);
/** RIP_EIO for an empty body where the model has members in it: what is not there must not read as "nothing there". An
 * answer of AWS's to a change may be as short as that. */
rip_status aws_check_empty(const aws_operation *operation, const aws_http_response *response, rip_error *err);

/** Members of headers and status, into what was read of the body. */
void aws_rest_read_envelope(json_t *output, const aws_shape *shape, const aws_http_response *response);

/** The checksum of the finished body, where the operation takes or demands one and the parameters hold none: by the
 * algorithm that the caller chose in the operation's parameter for it, else by the SDKs' default, CRC32.
 *
 * Follows: AWS SDKs and Tools Reference Guide, "Data Integrity Protections for Amazon S3"; Smithy, "httpChecksum
 * trait". */
rip_status aws_checksum_add(const aws_operation *operation, const json_t *params, aws_http_request *request,
                            rip_error *err);

/** A reply that is an error, into a zeroed `error`; `error->fields` is a new reference or NULL. */
void aws_error_read(const aws_operation *operation, const aws_http_response *response, aws_error *error);

#endif
