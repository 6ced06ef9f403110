#pragma once
// MEW_CHECK: a broken invariant ends this process, in every build; the master replaces it.
#include <cstdio>
#include <cstdlib>

#define MEW_CHECK(condition)                                                                    \
    do {                                                                                        \
        if (__builtin_expect(!(condition), 0)) {                                                \
            std::fprintf(stderr, "mewsgi: broken invariant %s (%s:%d)\n", #condition, __FILE__, \
                         __LINE__);                                                             \
            std::abort();                                                                       \
        }                                                                                       \
    } while (false)
