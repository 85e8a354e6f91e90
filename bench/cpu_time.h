/* What this process has used of the processors, all threads together. */
#ifndef RIPOSTE_BENCH_CPU_TIME_H
#define RIPOSTE_BENCH_CPU_TIME_H

#include <sys/resource.h>

/** User's and system's time, in microseconds. */
static inline double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

#endif
