#include "aws/model.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/model_private.h"
#include "engine/base/buffer.h"
#include "engine/base/data.h"
#include "engine/base/suggest.h"

#define TRAITS_BYTES_MAX ((size_t)1 << 20)
#define SERVICE_NAME_MAX 64

/* Lines of a model file. */

/* Compare a key with the key of the line at `line`, which ends before `end`. */
static int compare_key(const char *key, size_t key_len, const char *line, const char *end)
{
    const char *tab = memchr(line, '\t', (size_t)(end - line));
    size_t len = tab ? (size_t)(tab - line) : (size_t)(end - line);
    int order = memcmp(key, line, key_len < len ? key_len : len);
    if (order != 0) return order;
    return key_len < len ? -1 : key_len > len;
}

static const char *line_start(const char *from, const char *first)
{
    while (from > first && from[-1] != '\n') from--;
    return from;
}

/* The line with this key: its JSON and the JSON's length, or NULL. */
static const char *find_line(const aws_service *service, const char *key, size_t key_len, size_t *len)
{
    const char *low = service->bytes, *high = service->bytes + service->len;
    while (low < high) {
        const char *line = line_start(low + (high - low) / 2, low);
        const char *end = memchr(line, '\n', (size_t)(service->bytes + service->len - line));
        if (!end) end = service->bytes + service->len;
        int order = compare_key(key, key_len, line, end);
        if (order == 0) {
            const char *json = line + key_len + 1;
            *len = end > json ? (size_t)(end - json) : 0;
            return json;
        }
        if (order < 0)
            high = line;
        else
            low = end + (end < high);
    }
    return NULL;
}

json_t *aws_service_line(const aws_service *service, const char *kind, const char *name)
{
    rip_buffer key = {0};
    size_t len = 0;
    rip_buffer_printf(&key, "%s%s%s", kind, *name ? ":" : "", name);
    const char *json = key.data ? find_line(service, key.data, key.len, &len) : NULL;
    rip_buffer_free(&key);
    return json ? json_loadb(json, len, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

json_t *aws_service_endpoint_rules(const aws_service *service)
{
    return aws_service_line(service, "endpoints", "");
}

unsigned aws_name_slot(const char *name)
{
    unsigned hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return (hash ^ hash >> 16) & 63;
}

/* Services. */

void aws_service_free(aws_service *service)
{
    for (unsigned slot = 0; slot < 64; slot++) {
        for (aws_shape *shape = service->shapes[slot], *next; shape; shape = next) {
            next = shape->next;
            aws_shape_free(shape);
        }
        for (aws_operation *operation = service->operations[slot], *next; operation; operation = next) {
            next = operation->next;
            aws_operation_free(operation);
        }
    }
    if (service->mapped)
        munmap(service->bytes, service->len);
    else
        free(service->bytes);
    json_decref(service->metadata);
    json_decref(service->waiters);
    free(service->name);
    free(service);
}

void aws_models_settle(aws_models *models)
{
    for (aws_service *service = models->services; service; service = service->next) {
        if (service->mapped) (void)madvise(service->bytes, service->len, MADV_DONTNEED);
    }
}

static rip_status map_file(aws_service *service, const char *path, rip_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return RIP_ENOTFOUND;
    struct stat info;
    void *bytes = MAP_FAILED;
    if (fstat(fd, &info) == 0 && info.st_size > 0)
        bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) return rip_fail(err, RIP_EIO, "%s: could not be read", path);
    service->bytes = bytes;
    service->len = (size_t)info.st_size;
    service->mapped = true;
    return RIP_OK;
}

aws_service *aws_service_new(aws_models *models, const char *name)
{
    aws_service *service = calloc(1, sizeof *service);
    if (!service) return NULL;
    service->models = models;
    service->name = strdup(name);
    service->waiters = json_object();
    if (service->name && service->waiters) return service;
    aws_service_free(service);
    return NULL;
}

static aws_protocol protocol_of(const char *name)
{
    static const struct {
        const char *name;
        aws_protocol protocol;
    } PROTOCOLS[] = {{"query", AWS_QUERY}, {"ec2", AWS_EC2}, {"rest-json", AWS_REST_JSON}, {"rest-xml", AWS_REST_XML}};
    for (size_t i = 0; name && i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++) {
        if (strcmp(name, PROTOCOLS[i].name) == 0) return PROTOCOLS[i].protocol;
    }
    return AWS_JSON;
}

rip_status aws_service_add(aws_models *models, aws_service *service, const char *path, rip_error *err)
{
    service->metadata = aws_service_line(service, "metadata", "");
    if (!json_is_object(service->metadata)) {
        aws_service_free(service);
        return rip_fail(err, RIP_EINVAL, "%s: it has no metadata: is it a model that tools/import-models wrote?", path);
    }
    service->protocol = protocol_of(json_string_value(json_object_get(service->metadata, "protocol")));
    service->next = models->services;
    models->services = service;
    return RIP_OK;
}

static rip_status no_service(aws_models *models, const char *name, rip_error *err)
{
    json_t *list = aws_models_list(models);
    size_t count = json_array_size(list);
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names && i < count; i++) names[i] = json_string_value(json_array_get(list, i));
    const char *meant = names ? rip_suggest(name, names, count) : NULL;
    rip_fail(err, RIP_ENOTFOUND, "there is no API model for the service %s%s%s", name, meant ? "; did you mean " : "",
             meant ? meant : "");
    free(names);
    json_decref(list);
    return RIP_ENOTFOUND;
}

static bool is_service_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= SERVICE_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

rip_status aws_models_service(aws_models *models, const char *name, const aws_service **out, rip_error *err)
{
    for (aws_service **link = &models->services; *link; link = &(*link)->next) {
        aws_service *service = *link;
        if (strcmp(service->name, name) != 0) continue;
        *link = service->next; /* what is asked for again and again comes first */
        service->next = models->services;
        models->services = service;
        *out = service;
        return RIP_OK;
    }
    if (!is_service_name(name)) return no_service(models, name, err);
    for (size_t i = 0; i < models->folder_count; i++) {
        rip_buffer path = {0};
        rip_buffer_printf(&path, "%s/%s.model", models->folders[i], name);
        aws_service *service = path.data ? aws_service_new(models, name) : NULL;
        rip_status status = service ? map_file(service, path.data, err) : rip_nomem(err);
        if (status == RIP_OK)
            status = aws_service_add(models, service, path.data, err);
        else if (service)
            aws_service_free(service);
        rip_buffer_free(&path);
        if (status == RIP_OK) *out = models->services;
        if (status != RIP_ENOTFOUND) return status;
    }
    return no_service(models, name, err);
}

rip_status aws_models_new(const char *const *folders, size_t count, aws_models **out, rip_error *err)
{
    aws_models *models = calloc(1, sizeof *models);
    if (!models) return rip_nomem(err);
    models->folders = calloc(count + 1, sizeof *models->folders);
    for (size_t i = 0; models->folders && i < count; i++) {
        models->folders[i] = strdup(folders[i]);
        if (!models->folders[i]) break;
        models->folder_count++;
    }
    char *path = rip_data_path("aws/model/traits.json", err), *text = NULL;
    size_t len = 0;
    rip_status status = !path ? RIP_ENOTFOUND : models->folder_count == count ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK) status = rip_read_file(path, TRAITS_BYTES_MAX, &text, &len, err);
    if (status == RIP_OK) {
        json_error_t where;
        models->traits = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
        if (!models->traits) status = rip_fail(err, RIP_EINVAL, "%s:%d: %s", path, where.line, where.text);
    }
    free(text);
    free(path);
    if (status == RIP_OK)
        *out = models;
    else
        aws_models_free(models);
    return status;
}

void aws_models_free(aws_models *models)
{
    if (!models) return;
    for (aws_service *service = models->services, *next; service; service = next) {
        next = service->next;
        aws_service_free(service);
    }
    for (size_t i = 0; i < models->folder_count; i++) free(models->folders[i]);
    free(models->folders);
    json_decref(models->traits);
    free(models);
}

static int by_text(const void *a, const void *b)
{
    const json_t *const *first = a, *const *second = b;
    return strcmp(json_string_value(*first), json_string_value(*second));
}

static json_t *sorted_unique(json_t *list)
{
    size_t count = json_array_size(list);
    const json_t **items = calloc(count + 1, sizeof(*items));
    json_t *sorted = json_array();
    for (size_t i = 0; items && i < count; i++) items[i] = json_array_get(list, i);
    if (items) qsort(items, count, sizeof(*items), by_text);
    for (size_t i = 0; items && i < count; i++) {
        if (i == 0 || by_text(&items[i - 1], &items[i]) != 0) json_array_append(sorted, (json_t *)(uintptr_t)items[i]);
    }
    free(items);
    json_decref(list);
    return sorted;
}

json_t *aws_models_list(aws_models *models)
{
    json_t *list = json_array();
    for (size_t i = 0; i < models->folder_count; i++) {
        DIR *folder = opendir(models->folders[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            size_t len = strlen(entry->d_name);
            if (len > 6 && strcmp(entry->d_name + len - 6, ".model") == 0) {
                json_array_append_new(list, json_stringn(entry->d_name, len - 6));
            }
        }
        if (folder) closedir(folder);
    }
    return sorted_unique(list);
}

const char *aws_service_name(const aws_service *service)
{
    return service->name;
}

const char *aws_service_metadata(const aws_service *service, const char *key)
{
    const json_t *value = json_object_get(service->metadata, key);
    if (json_is_object(value)) value = json_object_get(value, "uri");
    return json_string_value(value);
}

static const char *metadata_or(const aws_service *service, const char *key, const char *otherwise)
{
    const char *value = aws_service_metadata(service, key);
    return value ? value : otherwise;
}

const char *aws_service_id(const aws_service *service)
{
    return metadata_or(service, "serviceId", service->name);
}

const char *aws_service_api_version(const aws_service *service)
{
    return metadata_or(service, "apiVersion", "");
}

const char *aws_service_endpoint_prefix(const aws_service *service)
{
    return metadata_or(service, "endpointPrefix", service->name);
}

const char *aws_service_signing_name(const aws_service *service)
{
    return metadata_or(service, "signingName", aws_service_endpoint_prefix(service));
}

const char *aws_service_iam_prefix(const aws_service *service)
{
    return metadata_or(service, "iamPrefix", aws_service_signing_name(service));
}

aws_protocol aws_service_protocol(const aws_service *service)
{
    return service->protocol;
}
