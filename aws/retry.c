#include "aws/retry.h"

#include <math.h>
#include <string.h>

#define QUOTA_TOKENS 500
#define RETRY_COST 5
#define TIMEOUT_COST 10
#define BACKOFF_MOST_MS 20000.0

/* CUBIC's constants as the SDKs have them. */
#define BETA 0.7
#define SCALE 0.4
#define SMOOTH 0.8
#define RATE_LEAST 0.5

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++) {
        if (strcmp(*codes, code) == 0) return true;
    }
    return false;
}

static bool is_timeout(const aws_error *error)
{
    static const char *const CODES[] = {"RequestTimeout", "RequestTimeoutException", NULL};
    return is_one_of(error->code, CODES);
}

void aws_retry_classify(aws_error *error)
{
    static const char *const THROTTLED[] = {"Throttling",
                                            "ThrottlingException",
                                            "ThrottledException",
                                            "RequestThrottledException",
                                            "TooManyRequestsException",
                                            "ProvisionedThroughputExceededException",
                                            "TransactionInProgressException",
                                            "RequestLimitExceeded",
                                            "BandwidthLimitExceeded",
                                            "RequestThrottled",
                                            "SlowDown",
                                            "PriorRequestNotComplete",
                                            "EC2ThrottledException",
                                            NULL};
    /* The SDKs count LimitExceededException as throttling; many services say it of a limit that no patience lifts. */
    static const char *const TRANSIENT[] = {"ConnectionError", "LimitExceededException", "InternalError",
                                            "IDPCommunicationError", NULL};
    static const char *const UNANSWERED[] = {"ConnectionError", "UnreadableReply", "ReplyTooLarge", NULL};
    int status = error->http_status;
    error->throttled = error->throttled || is_one_of(error->code, THROTTLED) || status == 429;
    error->retryable = error->retryable || error->throttled || is_timeout(error) || is_one_of(error->code, TRANSIENT) ||
                       status == 500 || status == 502 || status == 503 || status == 504;
    bool no_answer = status < 300 && (is_timeout(error) || is_one_of(error->code, UNANSWERED));
    error->fate_unknown = !error->unsent && !error->throttled && (no_answer || status >= 500);
}

void aws_retry_quota_init(aws_retry_quota *quota)
{
    quota->tokens = QUOTA_TOKENS;
}

int aws_retry_quota_take(aws_retry_quota *quota, const aws_error *error)
{
    int cost = is_timeout(error) ? TIMEOUT_COST : RETRY_COST;
    if (quota->tokens < cost) return 0;
    quota->tokens -= cost;
    return cost;
}

void aws_retry_quota_return(aws_retry_quota *quota, int taken)
{
    quota->tokens += taken > 0 ? taken : 1;
    if (quota->tokens > QUOTA_TOKENS) quota->tokens = QUOTA_TOKENS;
}

int64_t aws_retry_delay(int tries, double random, int retry_after_ms)
{
    double most = tries > 5 ? BACKOFF_MOST_MS : 1000.0 * (double)(1 << (tries > 0 ? tries - 1 : 0));
    if (most > BACKOFF_MOST_MS) most = BACKOFF_MOST_MS;
    int64_t ms = (int64_t)(random * most);
    return ms > retry_after_ms ? ms : retry_after_ms;
}

/* Adaptive. */

static void fill(aws_adaptive *a, int64_t now_ms)
{
    if (a->filled_ms > 0) a->tokens += (double)(now_ms - a->filled_ms) / 1000 * a->fill_rate;
    if (a->tokens > a->capacity) a->tokens = a->capacity;
    a->filled_ms = now_ms;
}

static void set_rate(aws_adaptive *a, int64_t now_ms, double rate)
{
    fill(a, now_ms);
    a->fill_rate = rate > RATE_LEAST ? rate : RATE_LEAST;
    a->capacity = rate > 1 ? rate : 1;
    if (a->tokens > a->capacity) a->tokens = a->capacity;
}

static void measure(aws_adaptive *a, int64_t now_ms)
{
    int64_t half_seconds = now_ms / 500;
    a->requests++;
    if (half_seconds <= a->bucket_half_seconds) return;
    double rate = a->requests / ((double)(half_seconds - a->bucket_half_seconds) / 2);
    a->measured_rate = rate * SMOOTH + a->measured_rate * (1 - SMOOTH);
    a->requests = 0;
    a->bucket_half_seconds = half_seconds;
}

int64_t aws_adaptive_delay(aws_adaptive *a, int64_t now_ms)
{
    if (!a->on) return 0;
    fill(a, now_ms);
    if (a->tokens < 1) return (int64_t)ceil((1 - a->tokens) / a->fill_rate * 1000);
    a->tokens -= 1;
    return 0;
}

void aws_adaptive_learn(aws_adaptive *a, int64_t now_ms, bool throttled)
{
    double rate;
    measure(a, now_ms);
    if (throttled) {
        double at = a->on && a->fill_rate < a->measured_rate ? a->fill_rate : a->measured_rate;
        a->last_max_rate = at;
        a->throttled_ms = now_ms;
        rate = at * BETA;
        a->on = true;
    } else {
        double window = cbrt(a->last_max_rate * (1 - BETA) / SCALE);
        rate = SCALE * pow((double)(now_ms - a->throttled_ms) / 1000 - window, 3) + a->last_max_rate;
    }
    if (!a->on) return;
    double most = 2 * a->measured_rate;
    set_rate(a, now_ms, rate < most ? rate : most);
}
