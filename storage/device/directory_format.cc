#include "storage/device/directory_format.h"

#include <algorithm>
#include <array>

#include "storage/base/digest.h"

namespace taicang::device_format {

namespace {

std::uint32_t entry_crc(bytes_view bytes, const uuid& device, std::uint64_t place) noexcept {
    std::array<std::byte, 8> number{};
    store_le(number.data(), place);
    const std::uint32_t seed = crc32c(number, crc32c(device.bytes));
    return crc32c(bytes.subspan(directory_at::version), seed);
}

}  // namespace

void encode_directory_entry(const directory_entry& from, const uuid& device, std::uint64_t place,
                            bytes_span into) {
    TC_ASSERT(into.size() == directory_entry_bytes);
    std::fill(into.begin(), into.end(), std::byte{0});
    std::byte* at = into.data();
    store_le(at + directory_at::version, directory_entry_version);
    store_le(at + directory_at::state, static_cast<std::uint8_t>(from.state));
    store_le(at + directory_at::purpose, from.purpose);
    const unsigned flags =
        (from.sealed ? directory_flag_sealed : 0U) | (from.written ? directory_flag_written : 0U);
    store_le(at + directory_at::flags, static_cast<std::uint8_t>(flags));
    store_le(at + directory_at::shard, from.shard);
    store_le(at + directory_at::term, from.term);
    store_le(at + directory_at::sequence, from.sequence);
    store_le(at + directory_at::life, from.life);
    store_le(at + directory_at::sealed_length, from.sealed_length);
    store_le(at + directory_at::crc, entry_crc(into, device, place));
}

result<directory_entry> decode_directory_entry(bytes_view bytes, const uuid& device,
                                               std::uint64_t place) {
    if (bytes.size() != directory_entry_bytes) {
        return error(errc::corrupt, "directory entry: it is not 128 bytes long");
    }
    const std::byte* at = bytes.data();
    if (load_le<std::uint32_t>(at + directory_at::crc) != entry_crc(bytes, device, place)) {
        return error(errc::corrupt, "directory entry: checksum mismatch");
    }
    const auto version = load_le<std::uint8_t>(at + directory_at::version);
    const auto state = load_le<std::uint8_t>(at + directory_at::state);
    const auto flags = load_le<std::uint8_t>(at + directory_at::flags);
    directory_entry found;
    found.state = static_cast<place_state>(state);
    found.purpose = load_le<std::uint8_t>(at + directory_at::purpose);
    found.sealed = (flags & directory_flag_sealed) != 0;
    found.written = (flags & directory_flag_written) != 0;
    found.shard = load_le<std::uint32_t>(at + directory_at::shard);
    found.term = load_le<std::uint64_t>(at + directory_at::term);
    found.sequence = load_le<std::uint64_t>(at + directory_at::sequence);
    found.life = load_le<std::uint64_t>(at + directory_at::life);
    found.sealed_length = load_le<std::uint64_t>(at + directory_at::sealed_length);
    const bool live = found.state == place_state::live;
    const bool purpose_fits =
        live ? found.purpose >= 1 && found.purpose <= extent_purpose_max : found.purpose == 0;
    if (version != directory_entry_version || (!live && found.state != place_state::free) ||
        !purpose_fits) {
        return error(errc::corrupt, "directory entry: unknown version, state or purpose");
    }
    return found;
}

}  // namespace taicang::device_format
