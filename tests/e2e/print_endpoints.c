/* For each line "SERVICE REGION" on standard input, prints "HOST[/PATH] SIGNING-REGION", or "none": where the calls of
 * a service go by the models in the folder that is the one argument. FIPS and dual-stack are asked for by the
 * environment, as users do. tests/e2e/test_endpoints.py compares that with botocore. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/endpoint.h"

int main(int argc, char **argv)
{
    char name[80], region[AWS_REGION_MAX];
    const char *folder = argc > 1 ? argv[1] : "";
    aws_models *models = NULL;
    rip_error err;
    if (argc != 2 || aws_models_new(&folder, 1, &models, &err) != RIP_OK) return EXIT_FAILURE;
    while (scanf("%79s %63s", name, region) == 2) {
        const aws_service *service = NULL;
        aws_endpoint_options options = {.profile = "default"};
        aws_endpoint endpoint;
        rip_status status = aws_models_service(models, name, &service, &err);
        if (status != RIP_OK) {
            fprintf(stderr, "%s\n", err.message);
            break;
        }
        if (aws_endpoint_resolve(&options, service, region, &endpoint, &err) == RIP_OK)
            printf("%s%s %s\n", endpoint.host, endpoint.path, endpoint.signing_region);
        else
            printf("none\n");
    }
    bool complete = feof(stdin);
    aws_models_free(models);
    return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
