#include "storage/index/index.h"
#include "storage/index/keys.h"

namespace taicang {

result<std::optional<std::pair<lsn, version_row>>> version_at(index_cursor& cursor,
                                                              bucket_id bucket,
                                                              std::string_view key, lsn view) {
    // Positions are inverted in the key, so the first row at or after `view` is the newest at or
    // below it.
    const std::string from = index_key::version(bucket, key, view);
    cursor.seek(from);
    TC_TRY(cursor.status());
    const std::size_t prefix = from.size() - sizeof(view.value);
    std::optional<std::pair<lsn, version_row>> none;
    if (!cursor.valid() || !cursor.key().starts_with(std::string_view(from).substr(0, prefix))) {
        return none;
    }
    const auto parts = index_key::parse_version(cursor.key());
    if (!parts) {
        return error(errc::corrupt,
                     "index: the key of a version row is malformed; stop the hub, remove the index "
                     "directory and start again: it is restored from checkpoint and journal");
    }
    TC_ASSERT(parts->position <= view);
    TC_TRY_ASSIGN(row, decode_version_row(as_bytes(cursor.value())));
    return std::optional(std::pair(parts->position, std::move(row)));
}

}  // namespace taicang
