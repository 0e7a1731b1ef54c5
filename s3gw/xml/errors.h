// S3's errors: one table of code, status and default sentence, the error document, and the way from
// our own error numbers to S3's words. Threads: pure functions and values. Lifetime: an s3_error
// owns its strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3gw/auth/auth_error.h"
#include "s3gw/xml/error_table.h"
#include "storage/base/result.h"

namespace taicang {

enum class s3_code : std::uint8_t {
#define TAICANG_S3_ENUM(name, code, status, message) name,
    TAICANG_S3_ERRORS(TAICANG_S3_ENUM)
#undef TAICANG_S3_ENUM
};

struct s3_code_info {
    std::string_view code;     ///< "NoSuchKey"
    unsigned status;           ///< 404
    std::string_view message;  ///< the default sentence
};
[[nodiscard]] const s3_code_info& info_of(s3_code code) noexcept;

/// An error on its way to a client.
struct s3_error {
    s3_code code = s3_code::internal_error;
    std::string message;  ///< "" means the table's sentence
    /// Further elements, e.g. {"ArgumentName", "max-keys"}; written in this order.
    std::vector<std::pair<std::string, std::string>> details;

    s3_error() = default;
    explicit s3_error(s3_code c) : code(c) {}
    s3_error(s3_code c, std::string text) : code(c), message(std::move(text)) {}
    /// Adds an element.
    s3_error& with(std::string name, std::string value) {
        details.emplace_back(std::move(name), std::move(value));
        return *this;
    }
    [[nodiscard]] unsigned status() const noexcept { return info_of(code).status; }
};

/// S3's word for one of our numbers.
[[nodiscard]] s3_code s3_code_of(errc code) noexcept;
[[nodiscard]] s3_code s3_code_of(auth_error code) noexcept;
/// The same with its sentence: ours where it tells a client something it can use, else the table's
/// (an internal error never tells a client about devices and paths).
[[nodiscard]] s3_error s3_error_of(const error& why);
[[nodiscard]] s3_error s3_error_of(auth_failure why);

/// Where it happened; empty ones are left out of the document.
struct s3_error_place {
    std::string_view resource;  ///< "/bucket/key", decoded
    std::string_view bucket;
    std::string_view key;
    std::string_view request_id;
    std::string_view host_id;
};
/// The <Error> document.
[[nodiscard]] std::string render_error_document(const s3_error& what, const s3_error_place& place);
/// The same for a code that is not in the table (http_problem).
[[nodiscard]] std::string render_error_document(std::string_view code, std::string_view message,
                                                const s3_error_place& place);

}  // namespace taicang
