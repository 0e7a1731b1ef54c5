// Source of the rules: Amazon S3 User Guide, "General purpose bucket naming rules".
#include "storage/object/names.h"

#include <array>
#include <string>

#include "storage/base/limits.h"
#include "storage/object/types.h"

namespace taicang {
namespace {

constexpr std::array<std::string_view, 4> reserved_prefixes{"xn--", "sthree-", "amzn-s3-demo-",
                                                            "aws-reserved-"};
constexpr std::array<std::string_view, 5> reserved_suffixes{"-s3alias", "--ol-s3", ".mrap",
                                                            "--x-s3", "--table-s3"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c);
}

/// Four numbers of one to three digits with dots between: looks like an IPv4 address.
bool is_address(std::string_view name) {
    int parts = 0;
    std::size_t digits = 0;
    for (const char c : name) {
        if (c == '.') {
            if (digits == 0) return false;
            ++parts;
            digits = 0;
        } else if (!is_digit(c) || ++digits > 3) {
            return false;
        }
    }
    return parts == 3 && digits > 0;
}

error invalid(std::string_view name, const char* rule) {
    return error(errc::bucket_name_invalid,
                 "bucket name \"" + std::string(name.substr(0, limits::bucket_name_bytes_max)) +
                     "\": " + rule + "; choose another name");
}

}  // namespace

result<void> check_bucket_name(std::string_view name) {
    if (name.size() < limits::bucket_name_bytes_min || name.size() > limits::bucket_name_bytes_max)
        return invalid(name, "a name has 3 to 63 characters");
    for (const char c : name) {
        if (!is_letter_or_digit(c) && c != '.' && c != '-')
            return invalid(name, "a name has lower-case letters, digits, dots and hyphens only");
    }
    if (!is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back()))
        return invalid(name, "a name begins and ends with a letter or a digit");
    if (name.find("..") != std::string_view::npos)
        return invalid(name, "two dots may not stand side by side");
    if (is_address(name)) return invalid(name, "a name may not look like an IP address");
    for (const std::string_view prefix : reserved_prefixes) {
        if (name.starts_with(prefix)) return invalid(name, "this beginning is reserved");
    }
    for (const std::string_view suffix : reserved_suffixes) {
        if (name.ends_with(suffix)) return invalid(name, "this ending is reserved");
    }
    return ok();
}

result<void> check_key(std::string_view key) {
    if (key.empty()) return error(errc::invalid_argument, "the object key is empty; give one");
    if (key.size() > limits::key_bytes_max) {
        return error(errc::key_too_long, "the object key has " + std::to_string(key.size()) +
                                             " bytes, at most " +
                                             std::to_string(limits::key_bytes_max) + " are taken");
    }
    return ok();
}

}  // namespace taicang
