// Planted bugs. Only a build with TAICANG_CANARY compiles them in; there TAICANG_CANARY=name[,name]
// in the environment (or canary::plant in tests) switches one on, and the proof must fail. In every
// other build active() is constant false.
#pragma once

#include <string_view>

namespace taicang::canary {

/// The bugs that can be planted. Each must be caught by a test.
enum class bug {
    skip_journal_flush,       ///< the journal acknowledges without flushing
    skip_device_flush,        ///< stripe chunks are acknowledged without flushing
    ack_before_flush,         ///< group commit acknowledges, then flushes
    flush_before_last_write,  ///< flush is issued before the last chunk write has completed
    skip_checksum,            ///< block checksums are not compared on read
    small_ensemble,           ///< journal ensembles of m instead of m+1 devices
    free_referenced_blob,     ///< a blob is freed although a reference is left
};

#ifdef TAICANG_CANARY
bool active(bug which) noexcept;
/// For tests: plants or removes a bug in this process.
void plant(bug which, bool on) noexcept;
#else
constexpr bool active(bug) noexcept {
    return false;
}
#endif

}  // namespace taicang::canary
