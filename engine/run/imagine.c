#include "engine/run/imagine.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct imagination {
    run_unknowns *unknowns;
    const imagine_place *place;
    const aws_operation *operation;
} imagination;

static bool ends_with_arn(const char *path)
{
    size_t len = strlen(path);
    return len >= 3 && strcasecmp(path + len - 3, "arn") == 0;
}

/* "taskDefinition.taskDefinitionArn" -> "task-definition": the kind of resource that an ARN member is of. */
static void resource_kind(const char *path, char *out, size_t size)
{
    const char *dot = strrchr(path, '.');
    const char *name = dot ? dot + 1 : path;
    size_t len = strlen(name) - 3, used = 0;
    for (size_t i = 0; i < len && used + 2 < size; i++) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z';
        if (upper && used > 0) out[used++] = '-';
        out[used++] = (char)(upper ? name[i] - 'A' + 'a' : name[i]);
    }
    out[used] = '\0';
}

static json_t *unknown_string(void *data, const char *path, const aws_shape *shape)
{
    (void)shape;
    const imagination *im = data;
    char what[512];
    snprintf(what, sizeof what, "%s/%u:%s", im->place->path, im->place->number, path);
    if (!ends_with_arn(path)) return run_unknown_make(im->unknowns, what, NULL);
    const char *service = aws_service_iam_prefix(aws_operation_service(im->operation));
    char kind[128], prefix[512];
    resource_kind(path, kind, sizeof kind);
    bool global = strcmp(service, "iam") == 0;
    snprintf(prefix, sizeof prefix, "arn:%s:%s:%s:%s:%s%s", im->place->partition, service,
             global ? "" : im->place->region, im->place->account, kind, *kind ? "/" : "");
    return run_unknown_make(im->unknowns, what, prefix);
}

json_t *imagine_output(run_unknowns *unknowns, const aws_operation *operation, const json_t *params,
                       const imagine_place *place)
{
    imagination im = {unknowns, place, operation};
    json_t *output = aws_output_imagine(operation, params, unknown_string, &im);
    return output ? output : json_object();
}
