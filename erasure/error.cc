#include "erasure/result.h"

namespace taicang::erasure {

std::string_view describe(error code) {
    switch (code) {
        case error::none:
            return "no error";
        case error::invalid_code:
            return "no such code: RS(k,m) needs k >= 1 and k + m <= 32; choose a narrower code";
        case error::chunk_count:
            return "wrong number of chunks: give k data and m parity chunks, or as many as the "
                   "repair plan names";
        case error::null_chunk:
            return "a chunk has no memory: give every chunk a buffer of the stated length";
        case error::chunk_index:
            return "a mask names a chunk beyond k + m: use the masks of this code";
        case error::nothing_wanted:
            return "a repair plan for no chunk: name at least one wanted chunk";
        case error::not_recoverable:
            return "fewer than k chunks are left, the stripe cannot be decoded: bring back a "
                   "device or restore from another hub";
    }
    return "unknown error of erasure/";
}

}  // namespace taicang::erasure
