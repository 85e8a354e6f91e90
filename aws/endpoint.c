#include "aws/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whose endpoint it is. Borrowed. */
typedef struct subject {
    const char *prefix;  /* "monitoring" */
    const char *id;      /* "CloudWatch" */
    const json_t *rules; /* see aws_service_endpoint_rules; NULL: all names are of the common form */
} subject;

typedef struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;
    const char *dual_stack;
} partition;

/* Longest prefixes first; the last one takes what is left. */
static const partition PARTITIONS[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "aws", "amazonaws.com", "api.aws"},
};

static const partition *partition_of(const char *region)
{
    const partition *p = PARTITIONS;
    while (strncmp(region, p->region_prefix, strlen(p->region_prefix)) != 0) p++;
    return p;
}

const char *aws_partition_of(const char *region)
{
    return partition_of(region)->name;
}

static rip_status check_region(const char *region, rip_error *err)
{
    size_t len = region ? strlen(region) : 0;
    if (len == 0) return rip_fail(err, RIP_EINVAL, "no region: give one, or set AWS_REGION or the profile's region");
    if (len >= AWS_REGION_MAX || strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != len || region[0] == '-' ||
        region[len - 1] == '-')
        return rip_fail(err, RIP_EINVAL, "%.80s is no region: expected a name like us-east-1", region);
    return RIP_OK;
}

/* Configured endpoints. */

rip_status aws_endpoint_parse(const char *url, const char *setting, aws_endpoint *out, rip_error *err)
{
    bool secure = strncasecmp(url, "https://", 8) == 0;
    if (!secure && strncasecmp(url, "http://", 7) != 0)
        return rip_fail(err, RIP_EINVAL, "%s: %.200s: expected http:// or https://", setting, url);
    const char *host = url + (secure ? 8 : 7);
    size_t host_len = strcspn(host, "/?#");
    const char *path = host + host_len;
    size_t path_len = strlen(path);
    while (path_len > 0 && path[path_len - 1] == '/') path_len--;
    bool plain = host_len > 0 && host_len < sizeof out->host && path_len < sizeof out->path &&
                 !memchr(path, '?', path_len) && !memchr(path, '#', path_len) && !memchr(host, '@', host_len);
    for (size_t i = 0; plain && url[i]; i++) plain = url[i] > ' ' && url[i] < 0x7F && url[i] != '\\';
    if (!plain)
        return rip_fail(err, RIP_EINVAL, "%s: expected scheme, host, port and path, without user, query or fragment",
                        setting);
    snprintf(out->scheme, sizeof out->scheme, "%s", secure ? "https" : "http");
    snprintf(out->host, sizeof out->host, "%.*s", (int)host_len, host);
    snprintf(out->path, sizeof out->path, "%.*s", (int)path_len, path);
    out->configured = true;
    return RIP_OK;
}

static void spell(const char *id, bool upper, char *out, size_t size)
{
    size_t len = 0;
    for (; *id && len + 1 < size; id++) {
        char c = *id == ' ' || *id == '-' ? '_' : *id;
        if (upper && c >= 'a' && c <= 'z') c = (char)(c - 32);
        if (!upper && c >= 'A' && c <= 'Z') c = (char)(c + 32);
        out[len++] = c;
    }
    out[len] = '\0';
}

/** In the SDKs' order: variable of the service, variable, profile's `services` section, profile. */
static const char *configured_url(const aws_endpoint_options *options, const char *id, char *setting, size_t size)
{
    char name[96];
    const aws_profiles *profiles = options->profiles;
    const char *profile = options->profile;
    if (options->endpoint_url && *options->endpoint_url) {
        snprintf(setting, size, "endpoint URL");
        return options->endpoint_url;
    }
    if (aws_setting_on(profiles, profile, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return NULL;
    spell(id, true, name, sizeof name);
    snprintf(setting, size, "AWS_ENDPOINT_URL_%s", name);
    const char *url = aws_setting(NULL, profile, setting, NULL);
    if (url) return url;
    snprintf(setting, size, "AWS_ENDPOINT_URL");
    url = aws_setting(NULL, profile, setting, NULL);
    if (url) return url;
    const char *services = aws_profiles_get(profiles, profile, "services");
    if (services) {
        spell(id, false, name, sizeof name);
        snprintf(setting, size, "%s.endpoint_url", name);
        url = aws_profiles_section(profiles, "services", services, setting);
        if (url) return url;
    }
    snprintf(setting, size, "endpoint_url of profile %.64s", profile);
    return aws_setting(profiles, profile, NULL, "endpoint_url");
}

/* AWS's own names. */

static const char *family_of(const aws_endpoint_options *options)
{
    bool fips = aws_setting_on(options->profiles, options->profile, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool dual =
        aws_setting_on(options->profiles, options->profile, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    return fips ? (dual ? "both" : "fips") : (dual ? "dual" : "plain");
}

/* [place, host, signing region, signing name]; NULL: the name is of the common form. */
static const json_t *find_rule(const json_t *rules, const char *family, const char *region)
{
    const json_t *row;
    size_t i;
    json_array_foreach (json_object_get(rules, family), i, row) {
        const char *place = json_string_value(json_array_get(row, 0));
        if (place && (!*place || strcmp(place, region) == 0 || strcmp(place, aws_partition_of(region)) == 0))
            return row;
    }
    return NULL;
}

static void sign_for(const json_t *rule, const char *region, aws_endpoint *out)
{
    const char *own = json_string_value(json_array_get(rule, 2));
    const char *name = json_string_value(json_array_get(rule, 3));
    snprintf(out->signing_region, sizeof out->signing_region, "%s", own ? own : region);
    snprintf(out->signing_name, sizeof out->signing_name, "%s", name ? name : "");
}

/* "{region}", "{suffix}" and "{dual}" filled in; what follows a '/' is the path. False where it does not fit. */
static bool fill_name(const char *name, const char *region, aws_endpoint *out)
{
    const partition *p = partition_of(region);
    const char *path = strchr(name, '/');
    const char *end = path ? path : name + strlen(name);
    size_t len = 0, size = sizeof out->host;
    while (name < end && len < size) {
        size_t plain = strcspn(name, "{/");
        const char *word = name[plain] != '{'       ? ""
                           : name[plain + 1] == 'r' ? region
                           : name[plain + 1] == 's' ? p->suffix
                                                    : p->dual_stack;
        len += (size_t)snprintf(out->host + len, size - len, "%.*s%s", (int)plain, name, word);
        name += plain;
        if (*name == '{') name += strcspn(name, "}") + 1;
    }
    return len < size && (size_t)snprintf(out->path, sizeof out->path, "%s", path ? path : "") < sizeof out->path;
}

static rip_status name_host(const subject *of, const char *family, const char *region, aws_endpoint *out,
                            rip_error *err)
{
    char common[160];
    const json_t *rule = find_rule(of->rules, family, region);
    const char *name = rule ? json_string_value(json_array_get(rule, 1)) : common;
    bool fips = strcmp(family, "fips") == 0 || strcmp(family, "both") == 0;
    bool dual = strcmp(family, "dual") == 0 || strcmp(family, "both") == 0;
    snprintf(common, sizeof common, "%s%s.{region}.%s", of->prefix, fips ? "-fips" : "", dual ? "{dual}" : "{suffix}");
    if (!name || !*name)
        return rip_fail(err, RIP_EINVAL, "%s has no%s%s endpoint in partition %s%s%s", of->prefix, fips ? " FIPS" : "",
                        dual ? " dual-stack" : "", aws_partition_of(region), fips || dual ? ": set " : "",
                        fips   ? "AWS_USE_FIPS_ENDPOINT to false"
                        : dual ? "AWS_USE_DUALSTACK_ENDPOINT to false"
                               : "");
    if (!fill_name(name, region, out))
        return rip_fail(err, RIP_ELIMIT, "the endpoint's name for %s in %s is too long", of->prefix, region);
    sign_for(rule, region, out);
    return RIP_OK;
}

/** STS answers in every region; the one global name is for those who ask for the old way. */
static bool is_legacy_sts(const aws_endpoint_options *options, const char *prefix, const char *region)
{
    if (strcmp(prefix, "sts") != 0 || strcmp(aws_partition_of(region), "aws") != 0) return false;
    const char *wanted =
        aws_setting(options->profiles, options->profile, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");
    return strcmp(region, "aws-global") == 0 || (wanted && strcmp(wanted, "legacy") == 0);
}

static rip_status resolve(const aws_endpoint_options *options, const subject *of, const char *region, aws_endpoint *out,
                          rip_error *err)
{
    char setting[128];
    *out = (aws_endpoint){.scheme = "https"};
    rip_status status = check_region(region, err);
    if (status != RIP_OK) return status;
    const char *url = configured_url(options, of->id, setting, sizeof setting);
    if (url) {
        sign_for(find_rule(of->rules, "plain", region), region, out);
        return aws_endpoint_parse(url, setting, out, err);
    }
    const char *family = family_of(options);
    if (strcmp(family, "plain") == 0 && is_legacy_sts(options, of->prefix, region)) {
        snprintf(out->host, sizeof out->host, "sts.amazonaws.com");
        snprintf(out->signing_region, sizeof out->signing_region, "us-east-1");
        return RIP_OK;
    }
    return name_host(of, family, region, out, err);
}

rip_status aws_endpoint_resolve(const aws_endpoint_options *options, const aws_service *service, const char *region,
                                aws_endpoint *out, rip_error *err)
{
    json_t *rules = aws_service_endpoint_rules(service);
    const subject of = {aws_service_endpoint_prefix(service), aws_service_id(service), rules};
    rip_status status = resolve(options, &of, region, out, err);
    json_decref(rules);
    return status;
}

rip_status aws_endpoint_of_operation(const aws_endpoint_options *options, const aws_operation *operation,
                                     const char *region, aws_endpoint *out, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    const json_t *rules = aws_operation_trait(operation, "endpoints");
    const subject of = {aws_service_endpoint_prefix(service), aws_service_id(service), rules};
    return rules ? resolve(options, &of, region, out, err) : aws_endpoint_resolve(options, service, region, out, err);
}

/* Where a partition has FIPS endpoints under the plain names (AWS's published rules for these two services). */
static json_t *provider_rules(const char *prefix)
{
    if (strcmp(prefix, "sts") != 0 && strcmp(prefix, "portal.sso") != 0) return NULL;
    return json_pack("{s:[[s, s+]]}", "fips", "aws-us-gov", prefix, ".{region}.{suffix}");
}

rip_status aws_endpoint_of_provider(const aws_endpoint_options *options, const char *prefix, const char *id,
                                    const char *region, aws_endpoint *out, rip_error *err)
{
    json_t *rules = provider_rules(prefix);
    const subject of = {prefix, id, rules};
    rip_status status = resolve(options, &of, region, out, err);
    json_decref(rules);
    return status;
}

rip_status aws_endpoints_get(aws_endpoints *endpoints, const aws_operation *operation, const char *region,
                             const aws_endpoint **out, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    if (aws_operation_trait(operation, "endpoints")) {
        *out = &endpoints->own;
        return aws_endpoint_of_operation(&endpoints->options, operation, region, &endpoints->own, err);
    }
    for (size_t i = 0; i < AWS_ENDPOINTS_KEPT && endpoints->kept[i].service; i++) {
        const struct aws_endpoint_kept *known = &endpoints->kept[i];
        if (known->service != service || strcmp(known->region, region) != 0) continue;
        *out = &known->endpoint;
        return RIP_OK;
    }
    aws_endpoint fresh;
    rip_status status = aws_endpoint_resolve(&endpoints->options, service, region, &fresh, err);
    if (status != RIP_OK) return status;
    struct aws_endpoint_kept *place = &endpoints->kept[endpoints->next++ % AWS_ENDPOINTS_KEPT];
    place->service = service;
    place->endpoint = fresh;
    snprintf(place->region, sizeof place->region, "%s", region);
    *out = &place->endpoint;
    return RIP_OK;
}

/* Onto a request. */

/** May a bucket's name stand before the host? Dots would break the certificate's wildcard. */
static bool fits_host(const char *bucket, size_t len)
{
    if (len < 3 || len > 63 || bucket[0] == '-' || bucket[len - 1] == '-') return false;
    for (size_t i = 0; i < len; i++) {
        if (!bucket[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789-", bucket[i])) return false;
    }
    return true;
}

rip_status aws_endpoint_apply(const aws_endpoint_options *options, const aws_endpoint *endpoint, bool is_s3,
                              aws_http_request *request, rip_error *err)
{
    const char *style = is_s3 ? aws_setting(options->profiles, options->profile, NULL, "s3.addressing_style") : NULL;
    const char *path = request->path;
    size_t bucket = is_s3 && *path == '/' ? strcspn(path + 1, "/") : 0;
    bool in_host =
        bucket > 0 && !endpoint->configured && fits_host(path + 1, bucket) && !(style && strcmp(style, "path") == 0);
    rip_buffer host = {0};
    rip_buffer full = {0};
    if (in_host) rip_buffer_printf(&host, "%.*s.", (int)bucket, path + 1);
    if (request->host_prefix && !endpoint->configured) rip_buffer_puts(&host, request->host_prefix);
    rip_buffer_puts(&host, endpoint->host);
    const char *rest = in_host ? path + 1 + bucket : path;
    rip_buffer_puts(&full, endpoint->path);
    if (*rest != '/') rip_buffer_putc(&full, '/');
    rip_buffer_puts(&full, rest);
    char *scheme = strdup(endpoint->scheme);
    if (host.failed || full.failed || !scheme) {
        rip_buffer_free(&host);
        rip_buffer_free(&full);
        free(scheme);
        return rip_nomem(err);
    }
    free(request->scheme);
    free(request->host);
    free(request->path);
    request->scheme = scheme;
    request->host = rip_buffer_take(&host, NULL);
    request->path = rip_buffer_take(&full, NULL);
    return RIP_OK;
}
