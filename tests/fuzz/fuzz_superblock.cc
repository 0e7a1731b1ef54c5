// Superblocks, roots, memberships and directory entries of a device: any bytes decode or are
// refused, and what decodes encodes to the same meaning. The first byte chooses the format;
// checksums are mended, so that the fuzzer gets past them.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "storage/base/assert.h"
#include "storage/base/digest.h"
#include "storage/device/inspect.h"

using namespace taicang;
using namespace taicang::device_format;

namespace {

std::byte* raw(std::string& text) {
    return reinterpret_cast<std::byte*>(text.data());
}

void check_superblock(std::string bytes) {
    bytes.resize(superblock_bytes, '\0');
    std::memcpy(bytes.data(), superblock_magic.data(), superblock_magic.size());
    store_le(raw(bytes) + superblock_at::crc, crc32c(as_bytes(bytes).first(superblock_at::crc)));
    (void)inspect_superblock(as_bytes(bytes));
    auto found = decode_superblock(as_bytes(bytes));
    if (!found || !may_read(found->features)) return;
    TC_ASSERT(check_geometry(found->parts).ok());
    auto again = decode_superblock(as_bytes(encode_superblock(*found)));
    TC_ASSERT(again.ok() && *again == *found);
}

void check_root(std::string bytes) {
    if (bytes.size() < root_header_bytes) bytes.resize(root_header_bytes, '\0');
    std::memcpy(bytes.data(), root_magic.data(), root_magic.size());
    const bytes_view body = as_bytes(bytes).subspan(root_header_bytes);
    const auto length = load_le<std::uint32_t>(raw(bytes) + root_at::body_length);
    if (length <= body.size()) {
        store_le(raw(bytes) + root_at::body_crc, crc32c(body.first(length)));
        const sha256_digest digest = sha256(body.first(length));
        std::memcpy(raw(bytes) + root_at::body_digest, digest.data(), digest.size());
    }
    store_le(raw(bytes) + root_at::crc, crc32c(as_bytes(bytes).first(root_at::crc)));
    (void)inspect_root(as_bytes(bytes));
    auto header = decode_root_header(as_bytes(bytes).first(root_header_bytes));
    if (!header) return;
    auto found = decode_root_body(*header, as_bytes(bytes).subspan(root_header_bytes));
    if (!found) return;
    const std::string written = encode_root(found->header, found->sections);
    auto back = decode_root_header(as_bytes(written).first(root_header_bytes));
    TC_ASSERT(back.ok());
    auto again = decode_root_body(*back, as_bytes(written).subspan(root_header_bytes));
    TC_ASSERT(again.ok() && again->sections == found->sections);
    TC_ASSERT(again->header.position == found->header.position);
}

void check_membership(const std::string& bytes) {
    auto found = decode_membership(as_bytes(bytes));
    if (!found) return;
    (void)fields_of(*found);
    auto again = decode_membership(as_bytes(encode_membership(*found)));
    TC_ASSERT(again.ok() && *again == *found);
}

void check_directory(std::string bytes) {
    bytes.resize(directory_block_bytes, '\0');
    const uuid device{};
    (void)inspect_directory_block(as_bytes(bytes), device, 0, directory_entries_per_block);
    const bytes_span entry(raw(bytes), directory_entry_bytes);
    // The entry's checksum is seeded with device and place: computed here as the format page says.
    const std::string seed(sizeof(device.bytes) + 8, '\0');
    store_le(entry.data() + directory_at::crc,
             crc32c(entry.subspan(directory_at::version), crc32c(as_bytes(seed))));
    auto found = decode_directory_entry(entry, device, 0);
    if (!found) return;
    std::string written(directory_entry_bytes, '\0');
    encode_directory_entry(*found, device, 0, {raw(written), written.size()});
    auto again = decode_directory_entry(as_bytes(written), device, 0);
    TC_ASSERT(again.ok() && *again == *found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0:
            check_superblock(std::move(bytes));
            break;
        case 1:
            check_root(std::move(bytes));
            break;
        case 2:
            check_membership(bytes);
            break;
        default:
            check_directory(std::move(bytes));
            break;
    }
    return 0;
}
