// Asserts that stay on in release: a wrong assumption must stop the process before it reaches a
// disk. Thread safe. No lifetime.
#pragma once

namespace taicang {

/// Prints the failed expression with its place to stderr and aborts. Never returns.
[[noreturn]] void assert_failed(const char* expression, const char* file, int line,
                                const char* why) noexcept;

}  // namespace taicang

#define TC_ASSERT(expression)                                              \
    do {                                                                   \
        if (!(expression)) [[unlikely]] {                                  \
            ::taicang::assert_failed(#expression, __FILE__, __LINE__, ""); \
        }                                                                  \
    } while (false)

#define TC_ASSERT_WHY(expression, why)                                      \
    do {                                                                    \
        if (!(expression)) [[unlikely]] {                                   \
            ::taicang::assert_failed(#expression, __FILE__, __LINE__, why); \
        }                                                                   \
    } while (false)
