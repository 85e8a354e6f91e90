#include "aws/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;
    const char *dual_stack; /* NULL: there is none */
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

typedef struct global_service {
    const char *prefix;
    const char *partition;
    const char *host;
    const char *fips_host; /* NULL: there is none */
    const char *region;
} global_service;

/* One place for a whole partition. */
static const global_service GLOBAL_SERVICES[] = {
    {"iam", "aws", "iam.amazonaws.com", "iam-fips.amazonaws.com", "us-east-1"},
    {"iam", "aws-cn", "iam.cn-north-1.amazonaws.com.cn", NULL, "cn-north-1"},
    {"iam", "aws-us-gov", "iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"iam", "aws-iso", "iam.us-iso-east-1.c2s.ic.gov", NULL, "us-iso-east-1"},
    {"iam", "aws-iso-b", "iam.us-isob-east-1.sc2s.sgov.gov", NULL, "us-isob-east-1"},
    {"iam", "aws-iso-e", "iam.eu-isoe-west-1.cloud.adc-e.uk", NULL, "eu-isoe-west-1"},
    {"iam", "aws-iso-f", "iam.us-isof-south-1.csp.hci.ic.gov", NULL, "us-isof-south-1"},
    {"iam", "aws-eusc", "iam.eusc-de-east-1.amazonaws.eu", NULL, "eusc-de-east-1"},
    {"route53", "aws", "route53.amazonaws.com", "route53-fips.amazonaws.com", "us-east-1"},
    {"route53", "aws-cn", "route53.amazonaws.com.cn", NULL, "cn-northwest-1"},
    {"route53", "aws-us-gov", "route53.us-gov.amazonaws.com", "route53.us-gov.amazonaws.com", "us-gov-west-1"},
    {"route53", "aws-iso", "route53.c2s.ic.gov", NULL, "us-iso-east-1"},
    {"route53", "aws-iso-b", "route53.sc2s.sgov.gov", NULL, "us-isob-east-1"},
    {"route53", "aws-iso-e", "route53.cloud.adc-e.uk", NULL, "eu-isoe-west-1"},
    {"route53", "aws-iso-f", "route53.csp.hci.ic.gov", NULL, "us-isof-south-1"},
    {"route53", "aws-eusc", "route53.amazonaws.eu", NULL, "eusc-de-east-1"},
    {"cloudfront", "aws", "cloudfront.amazonaws.com", "cloudfront-fips.amazonaws.com", "us-east-1"},
    {"cloudfront", "aws-cn", "cloudfront.cn-northwest-1.amazonaws.com.cn", NULL, "cn-northwest-1"},
    {"organizations", "aws", "organizations.us-east-1.amazonaws.com", "organizations-fips.us-east-1.amazonaws.com",
     "us-east-1"},
    {"organizations", "aws-cn", "organizations.cn-northwest-1.amazonaws.com.cn", NULL, "cn-northwest-1"},
    {"organizations", "aws-us-gov", "organizations.us-gov-west-1.amazonaws.com",
     "organizations.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
};

/* In aws-us-gov the plain names of these are FIPS endpoints already. */
static const char *const GOV_FIPS_PLAIN[] = {"autoscaling", "cloudtrail", "dynamodb", "ec2",        "eks",
                                             "events",      "guardduty",  "logs",     "monitoring", "rds",
                                             "sns",         "sqs",        "ssm",      "sts"};

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

static bool is_plain_fips(const partition *p, const char *prefix)
{
    if (strcmp(p->name, "aws-us-gov") != 0) return false;
    for (size_t i = 0; i < sizeof GOV_FIPS_PLAIN / sizeof *GOV_FIPS_PLAIN; i++) {
        if (strcmp(prefix, GOV_FIPS_PLAIN[i]) == 0) return true;
    }
    return false;
}

static const global_service *find_global(const partition *p, const char *prefix)
{
    for (size_t i = 0; i < sizeof GLOBAL_SERVICES / sizeof *GLOBAL_SERVICES; i++) {
        const global_service *g = &GLOBAL_SERVICES[i];
        if (strcmp(g->prefix, prefix) == 0 && strcmp(g->partition, p->name) == 0) return g;
    }
    return NULL;
}

static rip_status name_global(const global_service *g, bool fips, aws_endpoint *out, rip_error *err)
{
    if (fips && !g->fips_host)
        return rip_fail(err, RIP_EINVAL, "%s has no FIPS endpoint in partition %s: set AWS_USE_FIPS_ENDPOINT to false",
                        g->prefix, g->partition);
    snprintf(out->host, sizeof out->host, "%s", fips ? g->fips_host : g->host);
    snprintf(out->signing_region, sizeof out->signing_region, "%s", g->region);
    return RIP_OK;
}

static void name_regional(const partition *p, const char *prefix, const char *region, bool fips, bool dual,
                          aws_endpoint *out)
{
    bool is_s3 = strcmp(prefix, "s3") == 0 || strcmp(prefix, "s3-control") == 0;
    const char *service = prefix;
    const char *dash = fips && !is_plain_fips(p, prefix) ? "-fips" : "";
    /* ECR's API is "api.ecr", but for the two newer families of names. */
    if (strcmp(prefix, "api.ecr") == 0 && (fips || dual)) service = "ecr";
    if (is_s3)
        snprintf(out->host, sizeof out->host, "%s%s%s.%s.%s", service, dash, dual ? ".dualstack" : "", region,
                 p->suffix);
    else
        snprintf(out->host, sizeof out->host, "%s%s.%s.%s", service, dash, region, dual ? p->dual_stack : p->suffix);
}

/** STS answers in every region; the one global name is for those who ask for the old way. */
static bool is_legacy_sts(const aws_endpoint_options *options, const char *prefix, const char *region)
{
    if (strcmp(prefix, "sts") != 0 || strcmp(aws_partition_of(region), "aws") != 0) return false;
    const char *wanted =
        aws_setting(options->profiles, options->profile, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");
    return strcmp(region, "aws-global") == 0 || (wanted && strcmp(wanted, "legacy") == 0);
}

rip_status aws_endpoint_named(const aws_endpoint_options *options, const char *prefix, const char *id,
                              const char *region, aws_endpoint *out, rip_error *err)
{
    char setting[128];
    *out = (aws_endpoint){.scheme = "https"};
    rip_status status = check_region(region, err);
    if (status != RIP_OK) return status;
    const partition *p = partition_of(region);
    const global_service *global = find_global(p, prefix);
    snprintf(out->signing_region, sizeof out->signing_region, "%s", global ? global->region : region);
    const char *url = configured_url(options, id, setting, sizeof setting);
    if (url) return aws_endpoint_parse(url, setting, out, err);
    bool fips = aws_setting_on(options->profiles, options->profile, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool dual =
        aws_setting_on(options->profiles, options->profile, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    if (global) return name_global(global, fips, out, err);
    if (!fips && !dual && is_legacy_sts(options, prefix, region)) {
        snprintf(out->host, sizeof out->host, "sts.amazonaws.com");
        snprintf(out->signing_region, sizeof out->signing_region, "us-east-1");
        return RIP_OK;
    }
    name_regional(p, prefix, region, fips, dual, out);
    return RIP_OK;
}

rip_status aws_endpoint_resolve(const aws_endpoint_options *options, const aws_service *service, const char *region,
                                aws_endpoint *out, rip_error *err)
{
    return aws_endpoint_named(options, aws_service_endpoint_prefix(service), aws_service_id(service), region, out, err);
}

rip_status aws_endpoints_get(aws_endpoints *endpoints, const aws_service *service, const char *region,
                             const aws_endpoint **out, rip_error *err)
{
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
