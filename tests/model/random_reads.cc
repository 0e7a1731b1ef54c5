// The reading half of the random operations: what was read is judged by the model.
#include <algorithm>
#include <charconv>
#include <set>

#include "tests/model/random_ops.h"

namespace taicang::model {
namespace {

std::optional<std::uint64_t> operation_of(const version_row& row) {
    for (const auto& [header, value] : row.user_metadata) {
        if (header != "operation") continue;
        std::uint64_t number = 0;
        const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
        if (read.ec == std::errc()) return number;
    }
    return std::nullopt;
}

sight sight_of(const version_row& row) {
    return sight{true, operation_of(row), row.etag, row.size, false};
}

}  // namespace

void random_ops::failed_read(const life& at, const name& of, const error& why) {
    if (at.cut) return;
    ++failures_[why.code];
    if (options_.reads_must_succeed) model_.violate(of.key + ": a read failed: " + why.message);
}

task<void> random_ops::get(life_ptr at, name of, bool whole) {
    open_request request;
    request.bucket = of.bucket;
    request.key = of.key;
    request.head_only = !whole && random_->one_in(5);
    if (!whole && random_->one_in(3)) {
        const std::uint64_t first = random_->below(100'000);
        request.range = range_request{first, first + random_->below(300'000)};
        if (random_->one_in(4)) request.range = range_request{std::nullopt, 1 + first};
    }
    const bool ranged = request.range.has_value();
    const bool head_only = request.head_only;
    const moment called = model_.tick();
    auto reader = co_await at->objects.open(std::move(request));
    if (at->cut) co_return;
    if (reader.is(errc::key_not_found)) {
        model_.saw(of, called, sight{});
        co_return;
    }
    if (ranged && reader.is(errc::range_not_satisfiable)) {
        model_.saw_presence(of, called, true);
        co_return;
    }
    if (!reader) {
        failed_read(*at, of, reader.error());
        co_return;
    }
    model_.saw(of, called, sight_of((*reader)->info().version));
    if (!head_only) co_await check_body(at, of, **reader);
}

task<void> random_ops::check_body(life_ptr at, name of, object_reader& reader) {
    const auto expected = model_.bytes_of(reader.info().version.etag);
    std::uint64_t position = reader.first();
    const std::uint64_t end = position + reader.length();
    const bool gives_up = random_->one_in(10);
    for (;;) {
        auto bytes = co_await reader.next();
        if (at->cut) co_return;
        if (!bytes) {
            failed_read(*at, of, bytes.error());
            co_return;
        }
        if (bytes->empty()) break;
        const std::string_view some = as_text(bytes->view());
        if (expected && (position + some.size() > expected->size() ||
                         std::string_view(*expected).substr(position, some.size()) != some)) {
            model_.violate(of.key + ": wrong bytes at " + std::to_string(position));
            co_return;
        }
        position += some.size();
        if (gives_up) co_return;
    }
    if (position != end)
        model_.violate(of.key + ": a body ended at " + std::to_string(position) + " of " +
                       std::to_string(end));
}

void random_ops::judge_page(const std::string& bucket, const list_request& request,
                            const list_page& page, moment called) {
    std::map<std::string, const list_page::entry*> listed;
    std::set<std::string> prefixes;
    std::string last = request.start_after;
    for (const list_page::entry& entry : page.entries) {
        if (entry.key <= last && !last.empty())
            model_.violate("a listing is out of order at " + entry.key);
        last = entry.key;
        if (entry.common_prefix) {
            prefixes.insert(entry.key);
        } else {
            listed[entry.key] = &entry;
            model_.saw(name{bucket, entry.key}, called, sight_of(entry.version));
        }
    }
    std::set<std::string> explained;
    for (const std::string& key : model_.keys(bucket)) {
        if (!key.starts_with(request.prefix)) continue;
        std::string shown = key;
        bool rolled = false;
        if (!request.delimiter.empty()) {
            const auto cut_at = key.find(request.delimiter, request.prefix.size());
            rolled = cut_at != std::string::npos;
            if (rolled) shown = key.substr(0, cut_at + request.delimiter.size());
        }
        if (shown <= request.start_after && !request.start_after.empty()) continue;
        if (page.truncated && shown > last) continue;
        const name of{bucket, key};
        if (rolled) {
            if (!prefixes.contains(shown)) model_.saw_presence(of, called, false);
            if (model_.may_be(of, called, true)) explained.insert(shown);
        } else if (!listed.contains(key)) {
            model_.saw(of, called, sight{});
        }
    }
    for (const std::string& prefix : prefixes) {
        if (!explained.contains(prefix))
            model_.violate("common prefix " + prefix + " has no key that may be there");
    }
}

task<void> random_ops::list(life_ptr at, std::string bucket, list_request request) {
    for (std::size_t pages = 0; pages < 4 * options_.keys + 4; ++pages) {
        const moment called = model_.tick();
        auto page = co_await at->objects.list(bucket, request);
        if (at->cut) co_return;
        if (!page) {
            failed_read(*at, name{bucket, "?"}, page.error());
            co_return;
        }
        judge_page(bucket, request, *page, called);
        if (!page->truncated) co_return;
        if (page->entries.size() != request.keys_max) {
            model_.violate("a truncated page is not full");
            co_return;
        }
        request.start_after = page->entries.back().key;
        request.start_after_is_common_prefix = page->entries.back().common_prefix;
    }
    model_.violate("a listing of bucket " + bucket + " does not end");
}

task<bool> random_ops::verify(object_service& objects, environment& env) {
    auto at = std::make_shared<life>(life{objects, env, false, 0});
    const std::size_t before = model_.violations().size();
    for (const char* of_all : {"alpha", "beta"}) {
        const std::string bucket = of_all;
        std::string listed = bucket;
        list_request everything;
        co_await list(at, std::move(listed), std::move(everything));
        for (const std::string& key : model_.keys(bucket)) {
            name of{bucket, key};
            co_await get(at, std::move(of), true);
        }
    }
    for (const upload_ptr& upload : uploads_)
        co_await check_parts(at, upload);
    co_return model_.violations().size() == before;
}

}  // namespace taicang::model
