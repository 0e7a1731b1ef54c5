// Listings: a skip-scan over applied rows, on the pool that may read blocks. Its cost follows what
// is returned: a common prefix is passed over by one seek, and so are the superseded rows of a key
// once a few steps were not enough.
#include <algorithm>

#include "storage/base/limits.h"
#include "storage/index/key_text.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

/// First possible row after all rows of a key.
std::string past_key(bucket_id bucket, std::string_view key) {
    return key_text::successor(index_key::version_prefix(bucket, key));
}

/// What a listing shows of a version.
version_row shown(version_row row) {
    row.headers = content_headers{};
    row.user_metadata.clear();
    row.tags.clear();
    row.blobs.clear();
    row.part_sizes.clear();
    return row;
}

class version_lister {
  public:
    version_lister(bucket_id bucket, const list_request& request, list_page& page)
        : bucket_(bucket),
          request_(request),
          page_(page),
          bucket_prefix_(index_key::version_bucket_prefix(bucket)) {}

    result<void> run(index_cursor& cursor);

  private:
    [[nodiscard]] std::string begin() const;
    result<bool> take(index_cursor& cursor);
    result<bool> take_row(index_cursor& cursor, index_key::version_parts parts, version_row row);
    bool emit(list_page::entry entry);
    void skip_key(index_cursor& cursor, const std::string& key) const;
    [[nodiscard]] std::optional<std::string> common_prefix(const std::string& key) const;

    const bucket_id bucket_;
    const list_request& request_;
    list_page& page_;
    const std::string bucket_prefix_;
    std::string key_;         // whose rows are being passed over
    bool key_begun_ = false;  // its newest row was seen
    bool null_shown_ = false;
};

std::string version_lister::begin() const {
    std::string from = index_key::version_seek(bucket_, request_.prefix);
    if (request_.start_after.empty()) return from;
    std::string after;
    if (request_.start_after_is_common_prefix) {
        after = index_key::version_seek_past_prefix(bucket_, request_.start_after);
    } else if (request_.versions && request_.version_start_after) {
        // From the key's newest row on: what was shown of it says what is hidden below.
        after = index_key::version_prefix(bucket_, request_.start_after);
    } else {
        after = past_key(bucket_, request_.start_after);
    }
    return std::max(from, after);
}

std::optional<std::string> version_lister::common_prefix(const std::string& key) const {
    if (request_.delimiter.empty()) return std::nullopt;
    const std::size_t at = key.find(request_.delimiter, request_.prefix.size());
    if (at == std::string::npos) return std::nullopt;
    return key.substr(0, at + request_.delimiter.size());
}

bool version_lister::emit(list_page::entry entry) {
    if (page_.entries.size() == request_.keys_max) {
        page_.truncated = true;
        return false;
    }
    page_.entries.push_back(std::move(entry));
    return true;
}

void version_lister::skip_key(index_cursor& cursor, const std::string& key) const {
    const std::string prefix = index_key::version_prefix(bucket_, key);
    for (std::size_t i = 0; i < limits::same_key_nexts_max; ++i) {
        cursor.next();
        if (!cursor.valid() || !cursor.key().starts_with(prefix)) return;
    }
    cursor.seek(key_text::successor(prefix));
}

result<void> version_lister::run(index_cursor& cursor) {
    if (request_.keys_max == 0) return ok();
    cursor.seek(begin());
    while (cursor.valid() && cursor.key().starts_with(bucket_prefix_)) {
        TC_TRY_ASSIGN(more, take(cursor));
        if (!more) break;
    }
    return cursor.status();
}

/// Looks at the row under the cursor and moves on; false at the end of the page or the prefix.
result<bool> version_lister::take(index_cursor& cursor) {
    auto parts = index_key::parse_version(cursor.key());
    if (!parts)
        return error(errc::corrupt,
                     "index: a version row's key cannot be read; run `taicang fsck`");
    if (!parts->key.starts_with(request_.prefix)) return false;
    TC_TRY_ASSIGN(row, decode_version_row(as_bytes(cursor.value())));
    if (row.tombstone || (row.delete_marker && !request_.versions)) {
        skip_key(cursor, parts->key);
        return true;
    }
    if (auto prefix = common_prefix(parts->key)) {
        const bool given_before = *prefix == request_.start_after;
        if (!given_before) {
            list_page::entry entry;
            entry.common_prefix = true;
            entry.key = *prefix;
            if (!emit(std::move(entry))) return false;
        }
        cursor.seek(index_key::version_seek_past_prefix(bucket_, *prefix));
        return true;
    }
    return take_row(cursor, std::move(*parts), std::move(row));
}

result<bool> version_lister::take_row(index_cursor& cursor, index_key::version_parts parts,
                                      version_row row) {
    list_page::entry entry;
    entry.key = parts.key;
    entry.position = parts.position;
    if (!request_.versions) {
        entry.version = shown(std::move(row));
        if (!emit(std::move(entry))) return false;
        skip_key(cursor, parts.key);
        return true;
    }
    if (key_ != parts.key) {
        key_ = parts.key;
        key_begun_ = false;
        null_shown_ = false;
    }
    entry.latest = !key_begun_;
    key_begun_ = true;
    // A null version takes the place of the one before it, which stays for views only.
    const bool hidden = row.null_version && null_shown_;
    null_shown_ = null_shown_ || row.null_version;
    const bool before_page = request_.version_start_after && parts.key == request_.start_after &&
                             parts.position >= *request_.version_start_after;
    entry.version = shown(std::move(row));
    if (!hidden && !before_page && !emit(std::move(entry))) return false;
    cursor.next();
    return true;
}

}  // namespace

task<result<list_page>> shard_objects::list(std::string bucket, list_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    const auto seen = decisions_.find_bucket(bucket);
    if (!seen.id) {
        error why = error(errc::bucket_not_found, "there is no bucket \"" + bucket + "\"");
        co_return co_await refused(std::move(why), seen.pending);
    }
    if (seen.pending.value != 0) TC_CO_TRY(co_await decisions_.settled(seen.pending));
    request.keys_max = std::min(request.keys_max, limits::list_keys_max);
    list_page page;
    const bucket_id id = *seen.id;
    auto read = co_await rows_.with_cursor([&request, &page, id](index_cursor& cursor) {
        version_lister lister(id, request, page);
        return lister.run(cursor);
    });
    if (!read) co_return std::move(read).error();
    co_return std::move(page);
}

}  // namespace taicang
