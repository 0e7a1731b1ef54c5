// Random rows and effects for round trips: every field, every optional one in and out, from a seed.
// Threads: the test's. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/random.h"
#include "storage/index/effects.h"
#include "storage/index/rows.h"

namespace taicang::test {

class row_source {
  public:
    explicit row_source(std::uint64_t seed) : random_(seeded_random(seed)) {}

    random_source& random() { return *random_; }

    /// Bytes that are 00, 01, ff or 'a' often: those that escaping and order could get wrong.
    std::string text(std::size_t most) {
        static constexpr char likely[] = {'\0', '\x01', '\xff', '\xfe', 'a', '/'};
        std::string out(random_->below(most + 1), '\0');
        for (char& c : out) {
            c = random_->one_in(2) ? likely[random_->below(sizeof(likely))]
                                   : static_cast<char>(random_->below(256));
        }
        return out;
    }
    std::uint64_t number() { return random_->next() >> random_->below(64); }
    std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
    std::int64_t time() { return static_cast<std::int64_t>(number()); }
    bool flip() { return random_->one_in(2); }

    stored_checksum checksum() {
        stored_checksum out;
        out.kind = static_cast<digest_kind>(random_->below(6));
        out.full_object = flip();
        out.value = text(32);
        return out;
    }
    std::vector<blob_ref> blobs() {
        std::vector<blob_ref> out(random_->below(4));
        for (blob_ref& ref : out)
            ref = {blob_id{number()}, number()};
        return out;
    }
    std::vector<std::pair<std::string, std::string>> pairs() {
        std::vector<std::pair<std::string, std::string>> out(random_->below(3));
        for (auto& [name, value] : out) {
            name = text(20);
            value = text(60);
        }
        return out;
    }

    bucket_row bucket() {
        bucket_row row;
        row.id = bucket_id{number()};
        row.name = "n" + text(10);
        row.tenant = tenant_id{small()};
        row.owner = text(10);
        row.created = time();
        row.region = text(10);
        row.tombstone = random_->one_in(4);
        return row;
    }
    version_row version() {
        version_row row;
        row.tombstone = random_->one_in(8);
        row.delete_marker = random_->one_in(8);
        row.null_version = flip();
        row.size = number();
        row.modified = time();
        row.clock = hybrid_clock{number()};
        row.etag = text(40);
        row.klass = static_cast<storage_class>(random_->below(4));
        for (std::string* header : {&row.headers.content_type, &row.headers.content_encoding,
                                    &row.headers.content_disposition, &row.headers.content_language,
                                    &row.headers.cache_control, &row.headers.expires}) {
            if (flip()) *header = text(12);
        }
        row.user_metadata = pairs();
        row.tags = pairs();
        if (flip()) row.checksum = checksum();
        row.blobs = blobs();
        row.part_sizes.resize(random_->below(4));
        for (std::uint64_t& size : row.part_sizes)
            size = number();
        row.owner = text(10);
        return row;
    }
    piece place() {
        piece where;
        where.group = group_id{number()};
        where.run_block = small();
        where.unit_blocks = static_cast<std::uint16_t>(number());
        where.skip = small();
        where.length = small();
        where.crc = small();
        return where;
    }
    sha256_digest digest() {
        sha256_digest out;
        random_->fill(out);
        return out;
    }
    blob_row blob() {
        blob_row row;
        row.references = small();
        row.logical_length = number();
        row.stored_length = number();
        row.tier = flip() ? tier_id::nvme : tier_id::hdd;
        row.codec = static_cast<blob_codec>(random_->below(2));
        row.cipher = static_cast<blob_cipher>(random_->below(3));
        row.key_id = number();
        row.nonce = text(16);
        row.digest = digest();
        row.leaves.resize(random_->below(3));
        for (sha256_digest& leaf : row.leaves)
            leaf = digest();
        row.crc = small();
        if (flip()) row.journal = journal_place{lsn{number()}, number()};
        row.pieces.resize(random_->below(3));
        for (piece& where : row.pieces)
            where = place();
        return row;
    }
    upload_row upload() {
        upload_row row;
        row.upload_id = text(20);
        row.bucket = bucket_id{number()};
        row.key = text(30);
        row.created = time();
        row.owner = text(10);
        row.version = version();
        if (flip()) row.checksum_kind = static_cast<digest_kind>(random_->below(6));
        row.checksum_full_object = flip();
        return row;
    }
    part_row part() {
        part_row row;
        row.number = small();
        row.size = number();
        row.etag = text(40);
        row.modified = time();
        if (flip()) row.checksum = checksum();
        row.blobs = blobs();
        return row;
    }
    group_row group() {
        group_row row;
        row.id = group_id{number()};
        row.tier = flip() ? tier_id::nvme : tier_id::hdd;
        row.purpose = static_cast<extent_purpose>(1 + random_->below(3));
        row.k = static_cast<std::uint8_t>(1 + random_->below(12));
        row.m = static_cast<std::uint8_t>(random_->below(4));
        row.chunks.resize(row.k + row.m);
        for (chunk_place& chunk : row.chunks) {
            chunk.device = random_->make_uuid();
            chunk.extent = {shard_id{small()}, shard_term{number()}, number()};
            chunk.life = generation{number()};
        }
        return row;
    }

    any_effect effect_of(std::size_t which) {
        using namespace effect;
        const bucket_id bucket_of{number()};
        const lsn position{number()};
        switch (which) {
            case 0:
                return bucket_put{bucket()};
            case 1:
                return bucket_drop{text(10), position, flip()};
            case 2:
                return version_put{bucket_of, text(40), version()};
            case 3:
                return version_purge{bucket_of, text(40), position};
            case 4:
                return version_retire{bucket_of, text(40), position};
            case 5:
                return retired_drop{lsn{number()}, bucket_of, text(40), position};
            case 6:
                return blob_put{blob_id{number()}, blob()};
            case 7:
                return blob_drop{blob_id{number()}};
            case 8:
                return upload_put{upload()};
            case 9:
                return upload_drop{bucket_of, text(40), text(20)};
            case 10:
                return part_put{text(20), part()};
            case 11:
                return part_drop{text(20), small()};
            case 12:
                return group_put{group()};
            case 13:
                return group_live{group_id{number()}, flip() ? time() : -time()};
            case 14:
                return group_drop{group_id{number()}};
            default:
                return cursor_put{text(10), position};
        }
    }

  private:
    std::unique_ptr<random_source> random_;
};

}  // namespace taicang::test
