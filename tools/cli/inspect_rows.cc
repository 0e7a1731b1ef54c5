#include "tools/cli/inspect_rows.h"

#include "storage/index/keys.h"

namespace taicang {

namespace {

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string place_of(const blob_row& row) {
    if (row.journal)
        return "in the journal at LSN " + number(row.journal->position.value) + " (0: this record)";
    std::string text = "in";
    for (const piece& one : row.pieces) {
        text += " group " + number(one.group.value) + "@" + number(one.run_block) + "+" +
                number(one.skip) + " (" + number(one.length) + " bytes)";
    }
    return text;
}

struct describer {
    std::string operator()(const effect::bucket_put& e) const {
        return "bucket_put " + e.row.name + " id " + number(e.row.id.value);
    }
    std::string operator()(const effect::bucket_drop& e) const { return "bucket_drop " + e.name; }
    std::string operator()(const effect::version_put& e) const {
        return "version_put bucket " + number(e.bucket.value) + " key " + e.key + " size " +
               number(e.row.size) + " etag " + e.row.etag;
    }
    std::string operator()(const effect::version_purge& e) const {
        return "version_purge key " + e.key + " of LSN " + number(e.position.value);
    }
    std::string operator()(const effect::version_retire& e) const {
        return "version_retire key " + e.key + " of LSN " + number(e.position.value);
    }
    std::string operator()(const effect::retired_drop& e) const {
        return "retired_drop key " + e.key + " of LSN " + number(e.position.value);
    }
    std::string operator()(const effect::blob_put& e) const {
        return "blob_put " + number(e.id.value) + " references " + number(e.row.references) +
               " bytes " + number(e.row.logical_length) + " " + place_of(e.row);
    }
    std::string operator()(const effect::blob_drop& e) const {
        return "blob_drop " + number(e.id.value);
    }
    std::string operator()(const effect::upload_put& e) const {
        return "upload_put " + e.row.upload_id + " key " + e.row.key;
    }
    std::string operator()(const effect::upload_drop& e) const {
        return "upload_drop " + e.upload_id;
    }
    std::string operator()(const effect::part_put& e) const {
        return "part_put " + e.upload_id + " number " + number(e.row.number) + " size " +
               number(e.row.size);
    }
    std::string operator()(const effect::part_drop& e) const {
        return "part_drop " + e.upload_id + " number " + number(e.number);
    }
    std::string operator()(const effect::group_put& e) const {
        return "group_put " + number(e.row.id.value) + " " + number(e.row.k) + "+" +
               number(e.row.m);
    }
    std::string operator()(const effect::group_live& e) const {
        return "group_live " + number(e.id.value) + " by " + std::to_string(e.delta);
    }
    std::string operator()(const effect::group_drop& e) const {
        return "group_drop " + number(e.id.value);
    }
    std::string operator()(const effect::cursor_put& e) const {
        return "cursor_put " + e.name + " at LSN " + number(e.position.value);
    }
};

template <class Row, class Show>
std::string decoded(result<Row> row, Show show) {
    return row ? show(*row) : "unreadable: " + row.error().message;
}

std::string bytes_of_blobs(const std::vector<blob_ref>& blobs) {
    std::string text;
    for (const blob_ref& one : blobs)
        text += " blob " + number(one.blob.value) + " (" + number(one.length) + " bytes)";
    return text;
}

std::string bucket_text(std::string_view key, bytes_view value) {
    const auto parts = index_key::parse_bucket(key);
    return decoded(decode_bucket_row(value), [&](const bucket_row& row) {
        return "bucket " + row.name + " id " + number(row.id.value) + " LSN " +
               (parts ? number(parts->position.value) : "unreadable") +
               (row.tombstone ? " tombstone" : "");
    });
}

std::string name_of(const index_key::version_parts& parts) {
    return "bucket " + number(parts.bucket.value) + " key " + parts.key + " LSN " +
           number(parts.position.value);
}

std::string version_text(std::string_view key, bytes_view value) {
    const auto parts = index_key::parse_version(key);
    if (!parts) return "version with an unreadable key";
    return decoded(decode_version_row(value), [&](const version_row& row) {
        return "version " + name_of(*parts) + " size " + number(row.size) + " etag " + row.etag +
               (row.tombstone ? " tombstone" : "") + (row.delete_marker ? " delete-marker" : "") +
               (row.null_version ? " null-version" : "") + bytes_of_blobs(row.blobs);
    });
}

std::string blob_text(std::string_view key, bytes_view value) {
    const auto id = index_key::parse_blob(key);
    return decoded(decode_blob_row(value), [&](const blob_row& row) {
        return "blob " + number(id ? id->value : 0) + " references " + number(row.references) +
               " bytes " + number(row.logical_length) + " " + place_of(row);
    });
}

std::string upload_text(bytes_view value) {
    return decoded(decode_upload_row(value), [](const upload_row& row) {
        return "upload " + row.upload_id + " bucket " + number(row.bucket.value) + " key " +
               row.key + " owner " + row.owner + " created " + std::to_string(row.created);
    });
}

std::string part_text(std::string_view key, bytes_view value) {
    return decoded(decode_part_row(value), [&](const part_row& row) {
        // text(upload id), u32 number; ids hold no zero byte, so the terminator is the first one.
        const std::string_view id = key.substr(1, key.find('\0') - 1);
        return "part " + number(row.number) + " of upload " + std::string(id) + " size " +
               number(row.size) + " etag " + row.etag + bytes_of_blobs(row.blobs);
    });
}

std::string live_text(std::string_view key, bytes_view value) {
    const auto id = index_key::parse_group(key);
    return decoded(decode_live(value), [&](std::int64_t live) {
        return "live bytes of group " + number(id ? id->value : 0) + " " + std::to_string(live);
    });
}

std::string retired_text(std::string_view key) {
    const auto parts = index_key::parse_retired(key);
    if (!parts) return "retired row with an unreadable key";
    return "retired at LSN " + number(parts->when.value) + " " + name_of(parts->version);
}

/// Names of cursors and of the index's own rows are printable; what an own row holds is a position,
/// a number or text, as its name says.
std::string own_text(std::string_view key, std::string_view value) {
    const std::string name(key.substr(1));
    if (name == "identity") return "meta identity " + std::string(value);
    if (name == "layout") return "meta layout " + to_hex(as_bytes(value));
    const char* what = key[0] == static_cast<char>(index_key::family::meta) ? "meta " : "cursor ";
    return decoded(decode_position(as_bytes(value)),
                   [&](lsn position) { return what + name + " at LSN " + number(position.value); });
}

}  // namespace

std::string effect_text(const any_effect& one) {
    return std::visit(describer{}, one);
}

std::string row_text(std::string_view key, std::string_view value) {
    if (key.empty()) return "an empty key";
    const bytes_view bytes = as_bytes(value);
    using index_key::family;
    switch (static_cast<family>(key[0])) {
        case family::bucket:
            return bucket_text(key, bytes);
        case family::version:
            return version_text(key, bytes);
        case family::blob:
            return blob_text(key, bytes);
        case family::upload:
            return upload_text(bytes);
        case family::part:
            return part_text(key, bytes);
        case family::group:
            return decoded(decode_group_row(bytes), [](const group_row& row) {
                return "group " + number(row.id.value) + " " + number(row.k) + "+" + number(row.m);
            });
        case family::group_live:
            return live_text(key, bytes);
        case family::retired:
            return retired_text(key);
        case family::cursor:
        case family::meta:
            return own_text(key, value);
    }
    return "a row of no known family, key " + to_hex(as_bytes(key)) + ", " + number(value.size()) +
           " bytes";
}

}  // namespace taicang
