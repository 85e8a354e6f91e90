#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/endpoint.h"

static const char CONFIG[] =
    "[default]\nregion = eu-west-1\nservices = mine\nuse_fips_endpoint = false\n"
    "[services mine]\nauto_scaling =\n  endpoint_url = http://localhost:1/as/\n"
    "ecs =\n  endpoint_url = http://localhost:2\n"
    "[profile dual]\nuse_dualstack_endpoint = true\n[profile fips]\nuse_fips_endpoint = TRUE\n"
    "[profile both]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
    "[profile path]\ns3 =\n  addressing_style = path\n[other x]\njunk\n";

static aws_profiles *profiles(void)
{
    aws_profiles *p = aws_profiles_new();
    rip_error err = {0};
    assert_int_equal(aws_profiles_parse(p, "config", false, CONFIG, sizeof CONFIG - 1, &err), RIP_OK);
    return p;
}

static aws_models *models;

static int open_models(void **state)
{
    static const char *const FOLDERS[] = {"aws/model"};
    (void)state;
    return aws_models_new(FOLDERS, 1, &models, NULL) == RIP_OK ? 0 : -1;
}

static int close_models(void **state)
{
    (void)state;
    aws_models_free(models);
    return 0;
}

static rip_status resolve(const aws_endpoint_options *options, const char *name, const char *region, aws_endpoint *out,
                          rip_error *err)
{
    const aws_service *service = NULL;
    assert_int_equal(aws_models_service(models, name, &service, err), RIP_OK);
    return aws_endpoint_resolve(options, service, region, out, err);
}

static void expect(const char *profile, const char *service, const char *region, const char *host,
                   const char *signing_region)
{
    aws_profiles *p = profiles();
    aws_endpoint_options options = {p, profile, NULL};
    aws_endpoint endpoint;
    rip_error err = {0};
    assert_int_equal(resolve(&options, service, region, &endpoint, &err), RIP_OK);
    assert_string_equal(endpoint.host, host);
    assert_string_equal(endpoint.signing_region, signing_region);
    aws_profiles_free(p);
}

static void test_each_partition_has_its_own_suffix(void **state)
{
    (void)state;
    expect("none", "ecs", "eu-west-1", "ecs.eu-west-1.amazonaws.com", "eu-west-1");
    expect("none", "ecs", "cn-north-1", "ecs.cn-north-1.amazonaws.com.cn", "cn-north-1");
    expect("none", "ecs", "us-iso-east-1", "ecs.us-iso-east-1.c2s.ic.gov", "us-iso-east-1");
    expect("none", "ecs", "us-isob-east-1", "ecs.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1");
    expect("none", "ecs", "eusc-de-east-1", "ecs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1");
    assert_string_equal(aws_partition_of("us-gov-west-1"), "aws-us-gov");
}

static void test_global_services_are_signed_for_their_one_region(void **state)
{
    (void)state;
    expect("none", "iam", "eu-west-1", "iam.amazonaws.com", "us-east-1");
    expect("none", "organizations", "us-gov-east-1", "organizations.us-gov-west-1.amazonaws.com", "us-gov-west-1");
    expect("none", "sts", "eu-west-1", "sts.eu-west-1.amazonaws.com", "eu-west-1");
}

static void test_fips_and_dual_stack_names(void **state)
{
    (void)state;
    expect("fips", "kms", "us-west-2", "kms-fips.us-west-2.amazonaws.com", "us-west-2");
    expect("fips", "sts", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1");
    expect("dual", "ec2", "us-west-2", "ec2.us-west-2.api.aws", "us-west-2");
    expect("dual", "s3", "us-west-2", "s3.dualstack.us-west-2.amazonaws.com", "us-west-2");
}

static void test_names_that_are_not_of_the_common_form(void **state)
{
    (void)state;
    expect("fips", "eks", "us-west-2", "fips.eks.us-west-2.amazonaws.com", "us-west-2");
    expect("fips", "ecr", "us-west-2", "api.ecr-fips.us-west-2.amazonaws.com", "us-west-2");
    expect("dual", "ecr", "us-west-2", "ecr.us-west-2.api.aws", "us-west-2");
    expect("dual", "iam", "eu-west-1", "iam.global.api.aws", "us-east-1");
    expect("both", "iam", "us-gov-east-1", "iam.us-gov.api.aws", "us-gov-west-1");
    expect("both", "sts", "us-gov-west-1", "sts-fips.us-gov-west-1.api.aws", "us-gov-west-1");
    expect("dual", "efs", "cn-north-1", "efs.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1");
    expect("none", "iam", "us-iso-west-1", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1");
    expect("none", "organizations", "xx-new-1", "organizations.us-east-1.amazonaws.com", "us-east-1");
}

static void provider(const char *profile, const char *prefix, const char *id, const char *region, const char *host)
{
    aws_profiles *p = profiles();
    aws_endpoint_options options = {p, profile, NULL};
    aws_endpoint endpoint;
    rip_error err = {0};
    assert_int_equal(aws_endpoint_of_provider(&options, prefix, id, region, &endpoint, &err), RIP_OK);
    assert_string_equal(endpoint.host, host);
    assert_string_equal(endpoint.signing_region, region);
    aws_profiles_free(p);
}

static void test_credentials_come_from_endpoints_that_need_no_model(void **state)
{
    (void)state;
    provider("none", "portal.sso", "SSO", "eu-west-1", "portal.sso.eu-west-1.amazonaws.com");
    provider("fips", "portal.sso", "SSO", "us-gov-west-1", "portal.sso.us-gov-west-1.amazonaws.com");
    provider("fips", "sts", "STS", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com");
    provider("fips", "sts", "STS", "us-west-2", "sts-fips.us-west-2.amazonaws.com");
    provider("dual", "sts", "STS", "us-west-2", "sts.us-west-2.api.aws");
    provider("both", "sts", "STS", "us-gov-west-1", "sts-fips.us-gov-west-1.api.aws");
}

static void test_a_family_that_a_partition_lacks_is_told(void **state)
{
    (void)state;
    aws_profiles *p = profiles();
    aws_endpoint_options options = {p, "fips", NULL};
    aws_endpoint endpoint;
    rip_error err;
    assert_int_equal(resolve(&options, "s3", "cn-north-1", &endpoint, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "AWS_USE_FIPS_ENDPOINT"));
    aws_profiles_free(p);
}

static void test_configured_endpoints_go_from_the_narrow_to_the_wide(void **state)
{
    (void)state;
    expect("default", "ecs", "us-west-2", "localhost:2", "us-west-2");
    expect("default", "autoscaling", "us-west-2", "localhost:1", "us-west-2");
    setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
    expect("default", "ecs", "us-west-2", "all.example", "us-west-2");
    setenv("AWS_ENDPOINT_URL_AUTO_SCALING", "https://as.example:8443", 1);
    expect("none", "autoscaling", "us-west-2", "as.example:8443", "us-west-2");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    expect("default", "ecs", "us-west-2", "ecs.us-west-2.amazonaws.com", "us-west-2");
    unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    unsetenv("AWS_ENDPOINT_URL_AUTO_SCALING");
    unsetenv("AWS_ENDPOINT_URL");
}

static void test_a_region_that_is_none_reaches_no_host(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "evil.example/", "us-east-1.evil", "-a", "us east"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        aws_endpoint_options options = {.profile = "default"};
        aws_endpoint endpoint;
        rip_error err;
        assert_int_equal(resolve(&options, "ecs", BAD[i], &endpoint, &err), RIP_EINVAL);
    }
}

static void bucket(const char *profile, const char *path, const char *host, const char *rest)
{
    aws_profiles *p = profiles();
    aws_endpoint_options options = {p, profile, NULL};
    aws_endpoint endpoint;
    aws_http_request request = {.path = strdup(path)};
    rip_error err;
    assert_int_equal(resolve(&options, "s3", "eu-west-1", &endpoint, &err), RIP_OK);
    assert_int_equal(aws_endpoint_apply(&options, &endpoint, true, &request, &err), RIP_OK);
    assert_string_equal(request.host, host);
    assert_string_equal(request.path, rest);
    aws_http_request_free(&request);
    aws_profiles_free(p);
}

static void test_a_bucket_goes_into_the_host_where_its_name_can(void **state)
{
    (void)state;
    bucket("none", "/logs/a/b", "logs.s3.eu-west-1.amazonaws.com", "/a/b");
    bucket("none", "/logs", "logs.s3.eu-west-1.amazonaws.com", "/");
    bucket("none", "/my.logs/a", "s3.eu-west-1.amazonaws.com", "/my.logs/a");
    bucket("none", "/Logs/a", "s3.eu-west-1.amazonaws.com", "/Logs/a");
    bucket("path", "/logs/a", "s3.eu-west-1.amazonaws.com", "/logs/a");
    bucket("none", "/", "s3.eu-west-1.amazonaws.com", "/");
}

static void test_a_broken_config_file_names_its_line(void **state)
{
    (void)state;
    aws_profiles *p = aws_profiles_new();
    rip_error err;
    static const char TEXT[] = "[default]\nregion = x\nno equals sign\n";
    assert_int_equal(aws_profiles_parse(p, "config", false, TEXT, sizeof TEXT - 1, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "config:3"));
    aws_profiles_free(p);
}

static void test_the_credentials_file_names_profiles_bare(void **state)
{
    (void)state;
    aws_profiles *p = profiles();
    rip_error err;
    static const char TEXT[] = "; comment\n[ work ]\nAWS_ACCESS_KEY_ID = AKIA # mine\r\n[default]\nregion=us-east-2\n";
    assert_int_equal(aws_profiles_parse(p, "credentials", true, TEXT, sizeof TEXT - 1, &err), RIP_OK);
    assert_string_equal(aws_profiles_get(p, "work", "aws_access_key_id"), "AKIA");
    assert_string_equal(aws_profiles_get(p, "default", "region"), "us-east-2");
    assert_false(aws_profiles_has(p, "x"));
    aws_profiles_free(p);
}

int main(void)
{
    unsetenv("AWS_ENDPOINT_URL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_partition_has_its_own_suffix),
        cmocka_unit_test(test_global_services_are_signed_for_their_one_region),
        cmocka_unit_test(test_fips_and_dual_stack_names),
        cmocka_unit_test(test_names_that_are_not_of_the_common_form),
        cmocka_unit_test(test_credentials_come_from_endpoints_that_need_no_model),
        cmocka_unit_test(test_a_family_that_a_partition_lacks_is_told),
        cmocka_unit_test(test_configured_endpoints_go_from_the_narrow_to_the_wide),
        cmocka_unit_test(test_a_region_that_is_none_reaches_no_host),
        cmocka_unit_test(test_a_bucket_goes_into_the_host_where_its_name_can),
        cmocka_unit_test(test_a_broken_config_file_names_its_line),
        cmocka_unit_test(test_the_credentials_file_names_profiles_bare),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
