#include "storage/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace taicang {

void assert_failed(const char* expression, const char* file, int line, const char* why) noexcept {
    std::fprintf(stderr, "taicang: assertion failed: %s (%s:%d) %s\n", expression, file, line, why);
    std::fflush(stderr);
    std::abort();
}

}  // namespace taicang
