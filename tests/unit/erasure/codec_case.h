// What the tests of erasure/ share: chunks in, chunks out, through the product's codec.
//
// Threads: none of its own. Lifetime: values. Invariant: a failure of the codec itself is reported
// through GoogleTest at the caller's line by the returned emptiness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "erasure/reed_solomon.h"
#include "tests/unit/erasure/gf_oracle.h"

namespace taicang::erasure::test {

// k data chunks -> k + m chunks, by the product.
inline std::vector<oracle::bytes> encode(const reed_solomon& code,
                                         const std::vector<oracle::bytes>& data) {
    std::vector<oracle::bytes> chunks = data;
    chunks.resize(code.n(), oracle::bytes(data[0].size()));
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (size_t i = 0; i < code.n(); ++i) {
        if (i < code.k()) {
            in.push_back(chunks[i].data());
        } else {
            out.push_back(chunks[i].data());
        }
    }
    if (!code.encode(in, out, data[0].size())) return {};
    return chunks;
}

// The chunks that `plan` recomputes, in the plan's order; sources are taken from `chunks`.
inline std::vector<oracle::bytes> apply(const repair_plan& plan,
                                        const std::vector<oracle::bytes>& chunks) {
    const size_t length = chunks[0].size();
    std::vector<oracle::bytes> repaired(plan.outputs().size(),
                                        oracle::bytes(length, std::byte{0xa5}));
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (const uint8_t source : plan.sources())
        in.push_back(chunks[source].data());
    for (oracle::bytes& chunk : repaired)
        out.push_back(chunk.data());
    if (!plan.apply(in, out, length)) return {};
    return repaired;
}

}  // namespace taicang::erasure::test
