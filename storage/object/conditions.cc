#include "storage/object/conditions.h"

#include <algorithm>
#include <array>
#include <string>

namespace taicang {
namespace {

constexpr timestamp_ns one_second_ns = 1'000'000'000;

bool any_matches(const std::vector<std::string>& etags, const version_row& found) {
    return std::any_of(etags.begin(), etags.end(), [&found](const std::string& etag) {
        return etag == "*" || etag == found.etag;
    });
}

/// HTTP dates have whole seconds.
timestamp_ns modified_seconds(const version_row& found) {
    return found.modified / one_second_ns * one_second_ns;
}

error failed(const char* which) {
    return error(errc::precondition_failed,
                 std::string("the condition ") + which +
                     " does not hold for the current version; read it again and decide anew");
}

}  // namespace

result<void> check_read_conditions(const conditions& when, const version_row& found) {
    if (!when.if_match.empty()) {
        if (!any_matches(when.if_match, found)) return failed("If-Match");
    } else if (when.if_unmodified_since && modified_seconds(found) > *when.if_unmodified_since) {
        return failed("If-Unmodified-Since");
    }
    if (!when.if_none_match.empty()) {
        if (any_matches(when.if_none_match, found)) {
            return error(errc::not_modified, "the client's copy is current");
        }
    } else if (when.if_modified_since && modified_seconds(found) <= *when.if_modified_since) {
        return error(errc::not_modified, "not modified since the date the client gave");
    }
    return ok();
}

result<void> check_source_conditions(const conditions& when, const version_row& found) {
    auto checked = check_read_conditions(when, found);
    if (checked.is(errc::not_modified)) return failed("on the copy source");
    return checked;
}

result<void> check_write_conditions(const conditions& when, const version_row* found) {
    if (!when.if_match.empty()) {
        if (found == nullptr) {
            return error(errc::key_not_found,
                         "If-Match was given, but the key has no current version");
        }
        if (!any_matches(when.if_match, *found)) return failed("If-Match");
    }
    if (!when.if_none_match.empty() && found != nullptr &&
        any_matches(when.if_none_match, *found)) {
        return failed("If-None-Match");
    }
    return ok();
}

std::string version_id_text(const version_row& version, lsn position) {
    if (version.null_version) return "null";
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text(16, '0');
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = digits[(position.value >> (60 - 4 * i)) & 0xf];
    return text;
}

bool is_version_id_of(std::string_view id, const version_row& version, lsn position) {
    if (id == "null") return version.null_version;
    version_row numbered;
    numbered.null_version = false;
    return id == version_id_text(numbered, position);
}

bool is_version_id(std::string_view id) {
    if (id == "null") return true;
    return id.size() == 16 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

namespace {

error unsatisfiable(std::uint64_t size) {
    return error(errc::range_not_satisfiable,
                 "the range lies outside of the object's " + std::to_string(size) + " bytes");
}

result<resolved_range> resolve_part(std::uint32_t number, const version_row& version) {
    if (version.part_sizes.empty()) {
        // An object that was not made of parts has one part: all of it.
        if (number != 1) return unsatisfiable(version.size);
        return resolved_range{0, version.size, true};
    }
    if (number == 0 || number > version.part_sizes.size()) return unsatisfiable(version.size);
    resolved_range found{0, version.part_sizes[number - 1], true};
    for (std::uint32_t before = 0; before + 1 < number; ++before)
        found.first += version.part_sizes[before];
    return found;
}

}  // namespace

result<resolved_range> resolve_range(const std::optional<range_request>& range,
                                     const std::optional<std::uint32_t>& part_number,
                                     const version_row& version) {
    if (part_number) return resolve_part(*part_number, version);
    const std::uint64_t size = version.size;
    if (!range) return resolved_range{0, size, false};
    if (!range->first) {
        const std::uint64_t wanted = range->last.value_or(0);
        if (wanted == 0 || size == 0) return unsatisfiable(size);
        const std::uint64_t count = std::min(wanted, size);
        return resolved_range{size - count, count, true};
    }
    if (*range->first >= size) return unsatisfiable(size);
    const std::uint64_t last = std::min(range->last.value_or(size - 1), size - 1);
    if (last < *range->first) return unsatisfiable(size);
    return resolved_range{*range->first, last - *range->first + 1, true};
}

}  // namespace taicang
