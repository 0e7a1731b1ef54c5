// aws-chunked bodies of all three kinds. A body that is taken must be the same in every cut, no
// longer than announced, and, where it is signed, must not be there at all: nobody who fuzzes knows
// the key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "s3gw/auth/chunked_decoder.h"
#include "storage/base/assert.h"

using namespace taicang;

namespace {

struct outcome {
    bool is_good = false;
    std::string payload;
    std::size_t trailers = 0;
    bool operator==(const outcome&) const = default;
};

outcome decode(const authenticated& who, std::string_view text, std::size_t step) {
    aws_chunked_decoder decoder(who);
    std::string payload;
    while (!text.empty() && !decoder.finished()) {
        auto part = decoder.next(as_bytes(text.substr(0, step)));
        if (!part) return {};
        TC_ASSERT(part->consumed > 0 || decoder.finished());
        text.remove_prefix(part->consumed);
        payload += as_text(part->payload);
        TC_ASSERT(decoder.decoded() == payload.size());
        TC_ASSERT(!who.decoded_length || payload.size() <= *who.decoded_length);
    }
    if (!decoder.end_of_input() || !text.empty()) return {};
    TC_ASSERT(!who.decoded_length || payload.size() == *who.decoded_length);
    return {true, std::move(payload), decoder.trailers().size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    authenticated who;
    switch (data[0] % 3) {
        case 0:
            who.payload = payload_kind::streaming_unsigned_trailer;
            break;
        case 1:
            who.payload = payload_kind::streaming_signed;
            break;
        default:
            who.payload = payload_kind::streaming_signed_trailer;
            break;
    }
    if ((data[0] & 0x40) != 0) who.decoded_length = data[1];
    if ((data[0] & 0x80) != 0) who.announced_trailers = "x-amz-checksum-crc32,a";
    who.amz_date = "20240229T120000Z";
    who.scope = "20240229/us-east-1/s3/aws4_request";
    who.seed_signature = std::string(64, '0');
    who.signing_key = derive_signing_key("secret", "20240229", "us-east-1", "s3");
    const std::string text(reinterpret_cast<const char*>(data + 2), size - 2);
    const outcome whole = decode(who, text, text.size() + 1);
    TC_ASSERT(whole == decode(who, text, 1 + data[1] % 64U));
    TC_ASSERT(!whole.is_good || who.payload == payload_kind::streaming_unsigned_trailer);
    return 0;
}
