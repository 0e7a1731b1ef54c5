// Rows of places: blobs and their pieces, extent groups and their chunks, and the bare numbers
// (live bytes, positions). Layout: docs/formats/index.md.
#include "storage/index/row_coding.h"
#include "storage/index/rows.h"

namespace taicang {
namespace {

using row_coding::count;
using row_coding::enumerator;
using row_coding::malformed;
using row_coding::narrow;
using row_coding::open_row;
using row_coding::row_version;

constexpr std::uint8_t blob_flag_journal = 1;

// Smallest encodings, which bound the counts that a decoder believes.
constexpr std::size_t piece_bytes_min = 9;
constexpr std::size_t chunk_bytes_min = 20;

void put_piece(encoder& out, const piece& where) {
    out.varint(where.group.value);
    out.varint(where.run_block);
    out.varint(where.unit_blocks);
    out.varint(where.skip);
    out.varint(where.length);
    out.u32(where.crc);
}

piece take_piece(decoder& in) {
    piece where;
    where.group = group_id{in.varint()};
    where.run_block = narrow<std::uint32_t>(in);
    where.unit_blocks = narrow<std::uint16_t>(in);
    where.skip = narrow<std::uint32_t>(in);
    where.length = narrow<std::uint32_t>(in);
    where.crc = in.u32();
    return where;
}

void put_chunk(encoder& out, const chunk_place& chunk) {
    out.raw(chunk.device.bytes);
    out.varint(chunk.extent.shard.value);
    out.varint(chunk.extent.term.value);
    out.varint(chunk.extent.sequence);
    out.varint(chunk.life.value);
}

chunk_place take_chunk(decoder& in) {
    chunk_place chunk;
    const bytes_view device = in.raw(chunk.device.bytes.size());
    if (device.size() == chunk.device.bytes.size()) {
        std::copy(device.begin(), device.end(), chunk.device.bytes.begin());
    }
    chunk.extent.shard = shard_id{narrow<std::uint32_t>(in)};
    chunk.extent.term = shard_term{in.varint()};
    chunk.extent.sequence = in.varint();
    chunk.life = generation{in.varint()};
    return chunk;
}

}  // namespace

void encode_pieces(std::string& bytes, const std::vector<piece>& pieces) {
    encoder out(bytes);
    out.varint(pieces.size());
    for (const piece& where : pieces)
        put_piece(out, where);
}

std::vector<piece> decode_pieces(decoder& in) {
    std::vector<piece> pieces(count(in, piece_bytes_min));
    for (piece& where : pieces)
        where = take_piece(in);
    return pieces;
}

std::string encode_row(const blob_row& row) {
    std::string bytes;
    bytes.reserve(128 + row.leaves.size() * sizeof(sha256_digest));
    encoder out(bytes);
    out.u8(row_version);
    out.u8(row.journal ? blob_flag_journal : 0);
    out.varint(row.references);
    out.varint(row.logical_length);
    out.varint(row.stored_length);
    out.u8(static_cast<std::uint8_t>(row.tier));
    out.u8(static_cast<std::uint8_t>(row.codec));
    out.u8(static_cast<std::uint8_t>(row.cipher));
    out.varint(row.key_id);
    out.text(row.nonce);
    out.raw(row.digest);
    out.u32(row.crc);
    out.varint(row.leaves.size());
    for (const sha256_digest& leaf : row.leaves)
        out.raw(leaf);
    if (row.journal) {
        out.varint(row.journal->position.value);
        out.varint(row.journal->offset);
    }
    encode_pieces(bytes, row.pieces);
    return bytes;
}

result<blob_row> decode_blob_row(bytes_view bytes) {
    constexpr std::string_view what = "blob row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    blob_row row;
    const std::uint8_t flags = row_coding::flags(in, blob_flag_journal);
    row.references = narrow<std::uint32_t>(in);
    row.logical_length = in.varint();
    row.stored_length = in.varint();
    row.tier = enumerator(in, tier_id::nvme, tier_id::hdd);
    row.codec = enumerator(in, blob_codec::none, blob_codec::zstd_seekable);
    row.cipher = enumerator(in, blob_cipher::none, blob_cipher::sm4_ctr_hmac);
    row.key_id = in.varint();
    row.nonce = row_coding::text(in);
    row.digest = row_coding::digest(in);
    row.crc = in.u32();
    row.leaves.resize(count(in, sizeof(sha256_digest)));
    for (sha256_digest& leaf : row.leaves)
        leaf = row_coding::digest(in);
    if ((flags & blob_flag_journal) != 0) {
        journal_place place;
        place.position = lsn{in.varint()};
        place.offset = in.varint();
        row.journal = place;
    }
    row.pieces = decode_pieces(in);
    if (!in.finished()) return malformed(what);
    return row;
}

std::string encode_row(const group_row& row) {
    TC_ASSERT(row.chunks.size() <= limits::chunks_max);
    std::string bytes;
    encoder out(bytes);
    out.u8(row_version);
    out.varint(row.id.value);
    out.u8(static_cast<std::uint8_t>(row.tier));
    out.u8(static_cast<std::uint8_t>(row.purpose));
    out.u8(row.k);
    out.u8(row.m);
    out.varint(row.chunks.size());
    for (const chunk_place& chunk : row.chunks)
        put_chunk(out, chunk);
    return bytes;
}

result<group_row> decode_group_row(bytes_view bytes) {
    constexpr std::string_view what = "group row";
    decoder in(bytes);
    TC_TRY(open_row(in, what));
    group_row row;
    row.id = group_id{in.varint()};
    row.tier = enumerator(in, tier_id::nvme, tier_id::hdd);
    row.purpose = enumerator(in, extent_purpose::journal, extent_purpose::checkpoint);
    row.k = in.u8();
    row.m = in.u8();
    const std::size_t chunks = count(in, chunk_bytes_min);
    if (chunks > limits::chunks_max || row.k + row.m > static_cast<int>(limits::chunks_max))
        in.fail();
    if (in.ok()) row.chunks.resize(chunks);
    for (chunk_place& chunk : row.chunks)
        chunk = take_chunk(in);
    if (!in.finished()) return malformed(what);
    return row;
}

std::string encode_live(std::int64_t bytes_live) {
    std::string bytes;
    encoder(bytes).i64(bytes_live);
    return bytes;
}

result<std::int64_t> decode_live(bytes_view bytes) {
    decoder in(bytes);
    const std::int64_t live = in.i64();
    if (!in.finished()) return malformed("group_live row");
    return live;
}

std::string encode_position(lsn position) {
    std::string bytes;
    encoder(bytes).u64(position.value);
    return bytes;
}

result<lsn> decode_position(bytes_view bytes) {
    decoder in(bytes);
    const lsn position{in.u64()};
    if (!in.finished()) return malformed("position row");
    return position;
}

}  // namespace taicang
