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
            return decoded(decode_bucket_row(bytes), [](const bucket_row& row) {
                return "bucket " + row.name + " id " + number(row.id.value);
            });
        case family::version: {
            const auto parts = index_key::parse_version(key);
            if (!parts) return "version with an unreadable key";
            return decoded(decode_version_row(bytes), [&](const version_row& row) {
                return "version bucket " + number(parts->bucket.value) + " key " + parts->key +
                       " LSN " + number(parts->position.value) + " size " + number(row.size) +
                       " etag " + row.etag;
            });
        }
        case family::blob: {
            const auto id = index_key::parse_blob(key);
            return decoded(decode_blob_row(bytes), [&](const blob_row& row) {
                return "blob " + number(id ? id->value : 0) + " references " +
                       number(row.references) + " bytes " + number(row.logical_length) + " " +
                       place_of(row);
            });
        }
        case family::group:
            return decoded(decode_group_row(bytes), [](const group_row& row) {
                return "group " + number(row.id.value) + " " + number(row.k) + "+" + number(row.m);
            });
        default:
            return std::string(1, key[0]) + " row, key " + to_hex(as_bytes(key.substr(1))) + ", " +
                   number(value.size()) + " bytes";
    }
}

}  // namespace taicang
