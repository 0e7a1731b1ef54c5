// ListMultipartUploads: a skip-scan over upload rows, in order of key, then of upload id.
#include <algorithm>

#include "storage/base/limits.h"
#include "storage/index/key_text.h"
#include "storage/object/service_impl.h"

namespace taicang {

namespace {

/// First possible row of an upload after every upload whose key begins with `prefix`.
std::string past_prefix(bucket_id bucket, std::string_view prefix) {
    return key_text::successor(index_key::upload_seek(bucket, prefix));
}

class upload_lister {
  public:
    upload_lister(bucket_id bucket, const upload_list_request& request, upload_list_page& page)
        : bucket_(bucket), request_(request), page_(page) {}

    result<void> run(index_cursor& cursor) {
        if (request_.uploads_max == 0) return ok();
        const std::string all = index_key::upload_bucket_prefix(bucket_);
        cursor.seek(begin());
        while (cursor.valid() && cursor.key().starts_with(all)) {
            TC_TRY_ASSIGN(more, take(cursor));
            if (!more) break;
        }
        return cursor.status();
    }

  private:
    [[nodiscard]] std::string begin() const {
        const std::string from = index_key::upload_seek(bucket_, request_.prefix);
        if (request_.key_marker.empty()) return from;
        std::string after = index_key::upload_prefix(bucket_, request_.key_marker);
        if (request_.upload_id_marker.empty()) {
            after = key_text::successor(std::move(after));
        } else {
            after += request_.upload_id_marker;
            after.push_back('\0');
        }
        return std::max(from, after);
    }

    bool emit(upload_list_page::entry entry) {
        if (page_.entries.size() == request_.uploads_max) {
            page_.truncated = true;
            return false;
        }
        page_.entries.push_back(std::move(entry));
        return true;
    }

    result<bool> take(index_cursor& cursor) {
        const auto parts = index_key::parse_upload(cursor.key());
        if (!parts)
            return error(errc::corrupt,
                         "index: an upload row's key cannot be read; run `taicang fsck`");
        if (!parts->key.starts_with(request_.prefix)) return false;
        upload_list_page::entry entry;
        if (!request_.delimiter.empty()) {
            const std::size_t at = parts->key.find(request_.delimiter, request_.prefix.size());
            if (at != std::string::npos) {
                entry.common_prefix = true;
                entry.key = parts->key.substr(0, at + request_.delimiter.size());
                const std::string next = past_prefix(bucket_, entry.key);
                if (entry.key != request_.key_marker && !emit(std::move(entry))) return false;
                cursor.seek(next);
                return true;
            }
        }
        entry.key = parts->key;
        TC_TRY_ASSIGN(upload, decode_upload_row(as_bytes(cursor.value())));
        entry.upload = std::move(upload);
        if (!emit(std::move(entry))) return false;
        cursor.next();
        return true;
    }

    const bucket_id bucket_;
    const upload_list_request& request_;
    upload_list_page& page_;
};

}  // namespace

task<result<upload_list_page>> shard_objects::list_uploads(std::string bucket,
                                                           upload_list_request request) {
    const gate_hold hold(gate_);
    if (!hold) co_return shutting_down();
    auto found = co_await existing_bucket(std::move(bucket));
    if (!found) co_return std::move(found).error();
    request.uploads_max = std::min(request.uploads_max, limits::list_keys_max);
    upload_list_page page;
    const bucket_id id = *found;
    auto read = co_await rows_.with_cursor([&request, &page, id](index_cursor& cursor) {
        upload_lister lister(id, request, page);
        return lister.run(cursor);
    });
    if (!read) co_return std::move(read).error();
    co_return std::move(page);
}

}  // namespace taicang
