/* XML documents as trees, by expat. What a reply may not have: a document type (and so entities of its own), and depth
 * without end. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/protocol/private.h"

/* Nodes and strings live in blocks that are freed at once. */
typedef struct block {
    struct block *next;
    size_t used, size;
} block;

#define BLOCK_BYTES ((size_t)16384)

struct aws_xml {
    block *blocks;
    aws_xml_node *root;
};

typedef struct open_node {
    aws_xml_node *node, *last;
    rip_buffer text;
} open_node;

typedef struct reader {
    XML_Parser parser;
    aws_xml *xml;
    open_node open[AWS_DEPTH_MAX];
    unsigned depth;
    const char *refused; /* why it was stopped */
} reader;

static void *take(aws_xml *xml, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    block *b = xml->blocks;
    if (!b || b->size - b->used < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        b = malloc(sizeof *b + 16 + size);
        if (!b) return NULL;
        *b = (block){xml->blocks, 0, size};
        xml->blocks = b;
    }
    char *start = (char *)(b + 1);
    void *taken = start + b->used;
    b->used += bytes;
    return taken;
}

static char *take_text(aws_xml *xml, const char *text, size_t len)
{
    char *copy = take(xml, len + 1);
    if (!copy) return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void refuse(reader *r, const char *why)
{
    if (!r->refused) r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static const char *const *take_attributes(reader *r, const XML_Char **attributes)
{
    size_t count = 0;
    while (attributes[count]) count++;
    const char **copy = take(r->xml, (count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = take_text(r->xml, attributes[i], strlen(attributes[i]));
        if (!copy[i]) return NULL;
    }
    if (copy) copy[count] = NULL;
    return copy;
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    reader *r = data;
    if (r->depth == AWS_DEPTH_MAX) {
        refuse(r, "it nests too deep");
        return;
    }
    const char *colon = strchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    aws_xml_node *node = take(r->xml, sizeof *node);
    if (node) {
        *node = (aws_xml_node){
            .name = take_text(r->xml, local, strlen(local)), .text = "", .attributes = take_attributes(r, attributes)};
    }
    if (!node || !node->name || !node->attributes) {
        refuse(r, "out of memory");
        return;
    }
    if (r->depth == 0) {
        r->xml->root = node;
    } else {
        open_node *parent = &r->open[r->depth - 1];
        if (parent->last)
            parent->last->next = node;
        else
            parent->node->first = node;
        parent->last = node;
    }
    open_node *own = &r->open[r->depth++];
    own->node = node;
    own->last = NULL;
    rip_buffer_clear(&own->text);
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
    reader *r = data;
    (void)name;
    if (r->refused) return; /* expat still ends the element that it was stopped in, if that is an empty one */
    open_node *own = &r->open[--r->depth];
    if (own->text.len == 0) return;
    own->node->text = take_text(r->xml, own->text.data, own->text.len);
    own->node->text_len = own->text.len;
    if (!own->node->text || own->text.failed) refuse(r, "out of memory");
}

static void XMLCALL on_text(void *data, const XML_Char *text, int len)
{
    reader *r = data;
    if (r->depth > 0) rip_buffer_append(&r->open[r->depth - 1].text, text, (size_t)len);
}

static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                               int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    refuse(data, "it declares a document type");
}

rip_status aws_xml_parse(const char *bytes, size_t len, aws_xml **out, rip_error *err)
{
    reader *r = calloc(1, sizeof *r);
    aws_xml *xml = calloc(1, sizeof *xml);
    XML_Parser parser = XML_ParserCreate(NULL);
    rip_status status = RIP_OK;
    if (!r || !xml || !parser) status = rip_nomem(err);
    if (status == RIP_OK) {
        r->parser = parser;
        r->xml = xml;
        XML_SetUserData(parser, r);
        XML_SetElementHandler(parser, on_start, on_end);
        XML_SetCharacterDataHandler(parser, on_text);
        XML_SetStartDoctypeDeclHandler(parser, on_doctype);
        if (XML_Parse(parser, bytes, (int)len, XML_TRUE) != XML_STATUS_OK) {
            status = rip_fail(err, RIP_EIO, "the reply is no XML that can be read: line %lu: %s",
                              (unsigned long)XML_GetCurrentLineNumber(parser),
                              r->refused ? r->refused : XML_ErrorString(XML_GetErrorCode(parser)));
        }
    }
    for (unsigned i = 0; r && i < AWS_DEPTH_MAX; i++) rip_buffer_free(&r->open[i].text);
    free(r);
    if (parser) XML_ParserFree(parser);
    if (status == RIP_OK)
        *out = xml;
    else
        aws_xml_free(xml);
    return status;
}

const aws_xml_node *aws_xml_root(const aws_xml *xml)
{
    return xml->root;
}

void aws_xml_free(aws_xml *xml)
{
    if (!xml) return;
    for (block *b = xml->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(xml);
}

const aws_xml_node *aws_xml_child(const aws_xml_node *node, const char *name)
{
    for (const aws_xml_node *child = node->first; child; child = child->next) {
        if (strcmp(child->name, name) == 0) return child;
    }
    return NULL;
}

const char *aws_xml_find_text(const aws_xml_node *node, const char *name)
{
    for (const aws_xml_node *child = node->first; child; child = child->next) {
        const char *text = strcmp(child->name, name) == 0 ? child->text : aws_xml_find_text(child, name);
        if (text) return text;
    }
    return NULL;
}
