#include "storage/index/checkpoint_format.h"

#include "storage/index/row_coding.h"

namespace taicang {
namespace {

using row_coding::count;
using row_coding::malformed;

constexpr std::uint8_t format_version = 1;
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t group_bytes_min = 8;
constexpr std::size_t file_bytes_min = 8;
constexpr std::size_t entry_bytes_min = 19;

void put_groups(encoder& out, const std::vector<group_row>& groups) {
    out.varint(groups.size());
    for (const group_row& group : groups)
        out.text(encode_row(group));
}

result<std::vector<group_row>> take_groups(decoder& in, std::string_view what) {
    std::vector<group_row> groups(count(in, group_bytes_min));
    for (group_row& group : groups) {
        const std::string_view bytes = in.text(in.left());
        if (!in.ok()) return malformed(what);
        TC_TRY_ASSIGN(row, decode_group_row(as_bytes(bytes)));
        group = std::move(row);
    }
    return groups;
}

std::uint64_t total_length(const std::vector<piece>& pieces) {
    std::uint64_t sum = 0;
    for (const piece& one : pieces)
        sum += one.length;
    return sum;
}

void seal(std::string& bytes) {
    const std::uint32_t crc = crc32c(as_bytes(bytes));
    encoder(bytes).u32(crc);
}

/// Checks version and checksum; gives what lies between.
result<bytes_view> unseal(bytes_view bytes, std::string_view what) {
    if (bytes.size() < 1 + sizeof(std::uint32_t)) return malformed(what);
    const bytes_view body = bytes.first(bytes.size() - sizeof(std::uint32_t));
    if (load_le<std::uint32_t>(bytes.data() + body.size()) != crc32c(body)) {
        return error(errc::corrupt, std::string(what) + " does not match its checksum");
    }
    const auto version = std::to_integer<std::uint8_t>(body.front());
    if (version != format_version) return row_coding::unknown_version(what, version);
    return body.subspan(1);
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

}  // namespace

std::string encode_manifest(const checkpoint_manifest& manifest) {
    std::string bytes;
    encoder out(bytes);
    out.u8(format_version);
    out.varint(manifest.number);
    out.varint(manifest.applied.value);
    out.i64(manifest.taken);
    out.varint(manifest.files.size());
    for (const checkpoint_file& file : manifest.files) {
        out.text(file.name);
        out.varint(file.size);
        out.u32(file.crc);
        encode_pieces(bytes, file.pieces);
        if (file.pieces.empty()) out.text(file.inlined);
    }
    put_groups(out, manifest.groups);
    seal(bytes);
    return bytes;
}

result<checkpoint_manifest> decode_manifest(bytes_view bytes) {
    constexpr std::string_view what = "checkpoint manifest";
    TC_TRY_ASSIGN(body, unseal(bytes, what));
    decoder in(body);
    checkpoint_manifest manifest;
    manifest.number = in.varint();
    manifest.applied = lsn{in.varint()};
    manifest.taken = in.i64();
    manifest.files.resize(count(in, file_bytes_min));
    for (checkpoint_file& file : manifest.files) {
        file.name = std::string(in.text(name_bytes_max));
        file.size = in.varint();
        file.crc = in.u32();
        file.pieces = decode_pieces(in);
        if (file.pieces.empty()) file.inlined = std::string(in.text(in.left()));
        const std::uint64_t held =
            file.pieces.empty() ? file.inlined.size() : total_length(file.pieces);
        if (!in.ok() || held != file.size || !is_plain_name(file.name)) return malformed(what);
    }
    TC_TRY_ASSIGN(groups, take_groups(in, what));
    manifest.groups = std::move(groups);
    if (!in.finished()) return malformed(what);
    return manifest;
}

std::string encode_checkpoint_root(const std::vector<checkpoint_root_entry>& entries) {
    TC_ASSERT(entries.size() <= limits::checkpoints_kept);
    std::string bytes;
    encoder out(bytes);
    out.u8(format_version);
    out.varint(entries.size());
    for (const checkpoint_root_entry& entry : entries) {
        out.varint(entry.info.number);
        out.varint(entry.info.applied.value);
        out.varint(entry.info.files);
        out.varint(entry.info.bytes);
        out.i64(entry.info.taken);
        out.varint(entry.manifest_length);
        out.u32(entry.manifest_crc);
        encode_pieces(bytes, entry.pieces);
        put_groups(out, entry.groups);
    }
    seal(bytes);
    return bytes;
}

result<std::vector<checkpoint_root_entry>> decode_checkpoint_root(bytes_view bytes) {
    constexpr std::string_view what = "checkpoints section of the root";
    TC_TRY_ASSIGN(body, unseal(bytes, what));
    decoder in(body);
    std::vector<checkpoint_root_entry> entries(count(in, entry_bytes_min));
    if (entries.size() > limits::checkpoints_kept) return malformed(what);
    for (checkpoint_root_entry& entry : entries) {
        entry.info.number = in.varint();
        entry.info.applied = lsn{in.varint()};
        entry.info.files = in.varint();
        entry.info.bytes = in.varint();
        entry.info.taken = in.i64();
        entry.manifest_length = in.varint();
        entry.manifest_crc = in.u32();
        entry.pieces = decode_pieces(in);
        TC_TRY_ASSIGN(groups, take_groups(in, what));
        entry.groups = std::move(groups);
        if (!in.ok() || total_length(entry.pieces) != entry.manifest_length ||
            entry.manifest_length > limits::checkpoint_manifest_bytes_max) {
            return malformed(what);
        }
    }
    if (!in.finished()) return malformed(what);
    return entries;
}

}  // namespace taicang
