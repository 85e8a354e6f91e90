/* Which sanitizers a file is compiled with: gcc says so by a macro, clang by a feature. */
#ifndef RIPOSTE_BASE_SANITIZER_H
#define RIPOSTE_BASE_SANITIZER_H

#ifdef __has_feature
#define RIP_HAS_FEATURE(name) __has_feature(name)
#else
#define RIP_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || RIP_HAS_FEATURE(address_sanitizer)
#define RIP_ADDRESS_SANITIZER 1
#else
#define RIP_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__) || RIP_HAS_FEATURE(thread_sanitizer)
#define RIP_THREAD_SANITIZER 1
#else
#define RIP_THREAD_SANITIZER 0
#endif

#endif
