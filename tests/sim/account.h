/* A simulated account under test: calls that are checked against AWS's models both ways, on a virtual clock. */
#ifndef RIPOSTE_TESTS_SIM_ACCOUNT_H
#define RIPOSTE_TESTS_SIM_ACCOUNT_H

#include <jansson.h>
#include <stdint.h>

#include "aws/model.h"
#include "aws/transport.h"
#include "engine/base/clock.h"

/* The moment every account here starts at: 2025-11-02T14:24:00Z. */
#define ACCOUNT_START 1762093440000

typedef struct account {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_transport *transport;
    const char *region;
} account;

/** An account from a seed in JSON; fails the test where the seed is refused. */
void account_open(account *a, const char *seed);
void account_close(account *a);

/** Why a seed is refused, in `message` (of RIP_ERROR_MESSAGE_MAX bytes). */
void account_refuses(const char *seed, char *message);

/** Call an operation with params in JSON. The params must fit the model's input, and every member of the reply the
 * model's output, or the test fails. Returns the output (a new reference), or NULL with the error's code in `code`. */
json_t *account_try(account *a, const char *service, const char *operation, const char *params, aws_error *error);

/** As account_try; an error fails the test. `format` is printf's, for ids. */
json_t *account_call(account *a, const char *service, const char *operation, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** As account_call, for what nobody looks at. */
void account_do(account *a, const char *service, const char *operation, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The call must fail with this code; returns its HTTP status. */
int account_fails(account *a, const char *code, const char *service, const char *operation, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** Let virtual time go by. */
void account_wait(account *a, int64_t ms);

/** A resource in a fresh snapshot has this field (JSON), or is absent when `json` is NULL. */
void account_has(account *a, const char *arn, const char *field, const char *json);
void account_lacks(account *a, const char *arn);

/** The string at a path of keys and indices, such as "service.deployments.0.status". */
const char *text_at(const json_t *value, const char *path);
const json_t *value_at(const json_t *value, const char *path);

#endif
