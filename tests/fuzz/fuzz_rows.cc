// Everything that reads bytes of the index: row values, record bodies, row keys, manifests of
// checkpoints. The first byte chooses the reader. No input may crash it, and what a reader accepts
// must come back equal from its own encoder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "storage/base/bytes.h"
#include "storage/index/checkpoint_format.h"
#include "storage/index/effects.h"
#include "storage/index/keys.h"
#include "storage/index/rows.h"

namespace {

using namespace taicang;

void require(bool holds) {
    if (!holds) std::abort();
}

template <class Decode>
void row(bytes_view bytes, Decode decode) {
    const auto once = decode(bytes);
    if (!once) return;
    const auto again = decode(as_bytes(encode_row(*once)));
    require(again.ok() && *again == *once);
}

void effects(bytes_view bytes) {
    const auto once = decode_effects(bytes);
    if (!once) return;
    const std::string body = encode_effects(*once);
    const auto again = decode_effects(as_bytes(body));
    require(again.ok() && encode_effects(*again) == body);
    // Applying is total: whatever was accepted turns into rows, the same ones each time.
    const auto first = rows_of(*once, lsn{1});
    const auto second = rows_of(*again, lsn{1});
    require(first.size() == second.size() && first.size() >= once->size());
}

void keys(std::string_view bytes) {
    if (const auto parts = index_key::parse_version(bytes)) {
        require(index_key::version(parts->bucket, parts->key, parts->position) == bytes);
    }
    if (const auto parts = index_key::parse_upload(bytes)) {
        require(index_key::upload(parts->bucket, parts->key, parts->upload_id) == bytes);
    }
    if (const auto parts = index_key::parse_bucket(bytes)) {
        require(index_key::bucket(parts->name, parts->position) == bytes);
    }
    if (const auto parts = index_key::parse_retired(bytes)) {
        const auto& version = parts->version;
        require(index_key::retired(parts->when, index_key::version(version.bucket, version.key,
                                                                   version.position)) == bytes);
    }
    (void)index_key::parse_part_number(bytes);
    (void)index_key::parse_blob(bytes);
    (void)index_key::parse_group(bytes);
}

/// Their checksum stops almost everything; so it is put right here.
std::string sealed(bytes_view bytes) {
    std::string out(as_text(bytes));
    encoder(out).u32(crc32c(bytes));
    return out;
}

void manifest(bytes_view bytes) {
    const auto once = decode_manifest(as_bytes(sealed(bytes)));
    if (!once) return;
    const auto again = decode_manifest(as_bytes(encode_manifest(*once)));
    require(again.ok() && *again == *once);
}

void root(bytes_view bytes) {
    const auto once = decode_checkpoint_root(as_bytes(sealed(bytes)));
    if (!once) return;
    const std::string section = encode_checkpoint_root(*once);
    const auto again = decode_checkpoint_root(as_bytes(section));
    require(again.ok() && encode_checkpoint_root(*again) == section);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const bytes_view bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    switch (data[0] % 10) {
        case 0:
            row(bytes, decode_bucket_row);
            break;
        case 1:
            row(bytes, decode_version_row);
            break;
        case 2:
            row(bytes, decode_blob_row);
            break;
        case 3:
            row(bytes, decode_upload_row);
            break;
        case 4:
            row(bytes, decode_part_row);
            break;
        case 5:
            row(bytes, decode_group_row);
            break;
        case 6:
            effects(bytes);
            break;
        case 7:
            keys(as_text(bytes));
            break;
        case 8:
            manifest(bytes);
            break;
        default:
            root(bytes);
            break;
    }
    return 0;
}
