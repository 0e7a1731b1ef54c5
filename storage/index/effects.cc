// The grammar of a record's body (docs/formats/index.md): version, then of each effect a tag, a
// length, the fields.
#include "storage/index/effects.h"

#include <type_traits>
#include <utility>

#include "storage/index/row_coding.h"

namespace taicang {
namespace {

using namespace effect;
using row_coding::narrow;
using row_coding::text;

constexpr std::uint8_t body_version = 1;
constexpr std::string_view what = "record body";

// Tags are for ever; a tag that is given up is not used again.
enum class tag : std::uint8_t {
    bucket_put = 1,
    bucket_drop = 2,
    version_put = 3,
    version_purge = 4,
    version_retire = 5,
    retired_drop = 6,
    blob_put = 7,
    blob_drop = 8,
    upload_put = 9,
    upload_drop = 10,
    part_put = 11,
    part_drop = 12,
    group_put = 13,
    group_live = 14,
    group_drop = 15,
    cursor_put = 16,
};

constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Fields of each effect; a row is the rest of the field bytes.
struct field_writer {
    std::string& bytes;
    encoder out{bytes};

    tag operator()(const bucket_put& e) {
        bytes += encode_row(e.row);
        return tag::bucket_put;
    }
    tag operator()(const bucket_drop& e) {
        out.text(e.name);
        out.varint(e.made_at.value);
        out.u8(e.purge ? 1 : 0);
        return tag::bucket_drop;
    }
    tag operator()(const version_put& e) {
        out.varint(e.bucket.value);
        out.text(e.key);
        bytes += encode_row(e.row);
        return tag::version_put;
    }
    tag operator()(const version_purge& e) {
        version(e.bucket, e.key, e.position);
        return tag::version_purge;
    }
    tag operator()(const version_retire& e) {
        version(e.bucket, e.key, e.position);
        return tag::version_retire;
    }
    tag operator()(const retired_drop& e) {
        out.varint(e.when.value);
        version(e.bucket, e.key, e.position);
        return tag::retired_drop;
    }
    tag operator()(const blob_put& e) {
        out.varint(e.id.value);
        bytes += encode_row(e.row);
        return tag::blob_put;
    }
    tag operator()(const blob_drop& e) {
        out.varint(e.id.value);
        return tag::blob_drop;
    }
    tag operator()(const upload_put& e) {
        bytes += encode_row(e.row);
        return tag::upload_put;
    }
    tag operator()(const upload_drop& e) {
        out.varint(e.bucket.value);
        out.text(e.key);
        out.text(e.upload_id);
        return tag::upload_drop;
    }
    tag operator()(const part_put& e) {
        out.text(e.upload_id);
        bytes += encode_row(e.row);
        return tag::part_put;
    }
    tag operator()(const part_drop& e) {
        out.text(e.upload_id);
        out.varint(e.number);
        return tag::part_drop;
    }
    tag operator()(const group_put& e) {
        bytes += encode_row(e.row);
        return tag::group_put;
    }
    tag operator()(const group_live& e) {
        out.varint(e.id.value);
        out.varint(zigzag(e.delta));
        return tag::group_live;
    }
    tag operator()(const group_drop& e) {
        out.varint(e.id.value);
        return tag::group_drop;
    }
    tag operator()(const cursor_put& e) {
        out.text(e.name);
        out.varint(e.position.value);
        return tag::cursor_put;
    }

  private:
    void version(bucket_id bucket, const std::string& key, lsn position) {
        out.varint(bucket.value);
        out.text(key);
        out.varint(position.value);
    }
};

/// The rest of an effect's fields, which is a row. Its own decoder finds out whether it is whole.
bytes_view rest(decoder& in) {
    return in.raw(in.left());
}

// A brace list is evaluated left to right, which is the order of the fields.
template <class Effect>
result<any_effect> checked(decoder& in, Effect value) {
    if (!in.finished()) return row_coding::malformed(what);
    return any_effect(std::move(value));
}

template <class Effect>
result<any_effect> take_version_name(decoder& in) {
    return checked(in, Effect{bucket_id{in.varint()}, text(in), lsn{in.varint()}});
}

result<any_effect> take_bucket(decoder& in, tag which) {
    if (which == tag::bucket_put) {
        TC_TRY_ASSIGN(row, decode_bucket_row(rest(in)));
        return checked(in, bucket_put{std::move(row)});
    }
    bucket_drop out{text(in), lsn{in.varint()}};
    out.purge = row_coding::flags(in, 1) != 0;
    return checked(in, std::move(out));
}

result<any_effect> take_version(decoder& in, tag which) {
    if (which == tag::version_purge) return take_version_name<version_purge>(in);
    if (which == tag::version_retire) return take_version_name<version_retire>(in);
    if (which == tag::retired_drop) {
        return checked(
            in, retired_drop{lsn{in.varint()}, bucket_id{in.varint()}, text(in), lsn{in.varint()}});
    }
    version_put out{bucket_id{in.varint()}, text(in), {}};
    if (!in.ok()) return row_coding::malformed(what);
    TC_TRY_ASSIGN(row, decode_version_row(rest(in)));
    out.row = std::move(row);
    return checked(in, std::move(out));
}

result<any_effect> take_blob(decoder& in, tag which) {
    const blob_id id{in.varint()};
    if (!in.ok()) return row_coding::malformed(what);
    if (which == tag::blob_drop) return checked(in, blob_drop{id});
    TC_TRY_ASSIGN(row, decode_blob_row(rest(in)));
    return checked(in, blob_put{id, std::move(row)});
}

result<any_effect> take_upload(decoder& in, tag which) {
    if (which == tag::upload_drop) {
        return checked(in, upload_drop{bucket_id{in.varint()}, text(in), text(in)});
    }
    TC_TRY_ASSIGN(row, decode_upload_row(rest(in)));
    return checked(in, upload_put{std::move(row)});
}

result<any_effect> take_part(decoder& in, tag which) {
    std::string upload_id = text(in);
    if (!in.ok()) return row_coding::malformed(what);
    if (which == tag::part_drop) {
        return checked(in, part_drop{std::move(upload_id), narrow<std::uint32_t>(in)});
    }
    TC_TRY_ASSIGN(row, decode_part_row(rest(in)));
    return checked(in, part_put{std::move(upload_id), std::move(row)});
}

result<any_effect> take_group(decoder& in, tag which) {
    if (which == tag::group_put) {
        TC_TRY_ASSIGN(row, decode_group_row(rest(in)));
        return checked(in, group_put{std::move(row)});
    }
    const group_id id{in.varint()};
    if (which == tag::group_drop) return checked(in, group_drop{id});
    return checked(in, group_live{id, unzigzag(in.varint())});
}

result<any_effect> take_effect(tag which, bytes_view fields) {
    decoder in(fields);
    switch (which) {
        case tag::bucket_put:
        case tag::bucket_drop:
            return take_bucket(in, which);
        case tag::version_put:
        case tag::version_purge:
        case tag::version_retire:
        case tag::retired_drop:
            return take_version(in, which);
        case tag::blob_put:
        case tag::blob_drop:
            return take_blob(in, which);
        case tag::upload_put:
        case tag::upload_drop:
            return take_upload(in, which);
        case tag::part_put:
        case tag::part_drop:
            return take_part(in, which);
        case tag::group_put:
        case tag::group_live:
        case tag::group_drop:
            return take_group(in, which);
        case tag::cursor_put:
            return checked(in, cursor_put{text(in), lsn{in.varint()}});
    }
    return error(
        errc::version_unsupported,
        "record body holds an effect with tag " + std::to_string(static_cast<int>(which)) +
            ", which this build does not know: it was written by a newer release, run that one");
}

}  // namespace

std::string encode_effects(const std::vector<any_effect>& effects) {
    std::string body;
    body.reserve(64 + effects.size() * 160);
    encoder out(body);
    out.u8(body_version);
    std::string fields;
    for (const any_effect& one : effects) {
        fields.clear();
        const tag which = std::visit(field_writer{fields}, one);
        out.u8(static_cast<std::uint8_t>(which));
        out.text(fields);
    }
    return body;
}

result<std::vector<any_effect>> decode_effects(bytes_view body) {
    decoder in(body);
    const std::uint8_t version = in.u8();
    if (!in.ok()) return row_coding::malformed(what);
    if (version != body_version) return row_coding::unknown_version(what, version);
    std::vector<any_effect> effects;
    while (in.left() != 0) {
        const auto which = static_cast<tag>(in.u8());
        const std::string_view fields = in.text(body.size());
        if (!in.ok()) return row_coding::malformed(what);
        TC_TRY_ASSIGN(one, take_effect(which, as_bytes(fields)));
        effects.push_back(std::move(one));
    }
    return effects;
}

}  // namespace taicang
