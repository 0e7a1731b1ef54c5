// References of blobs as a decision changes them: gathered, netted, and turned into effects on blob
// rows and on the live bytes of groups. Also the removal of a version with its references, for
// whoever purges rows. Threads: the shard's executor. Lifetime: values; borrows the sequencer
// during calls. Invariant: a blob's row goes exactly when its last reference does, in the same
// record as that reference; only then are its bytes taken off its groups.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/index/keys.h"
#include "storage/object/sequencer.h"

namespace taicang {

class reference_changes {
  public:
    void add(const std::vector<blob_ref>& blobs) { change(blobs, 1); }
    void remove(const std::vector<blob_ref>& blobs) { change(blobs, -1); }
    [[nodiscard]] bool empty() const;
    /// Locks of the blobs whose count changes; take them before resolve().
    [[nodiscard]] std::vector<std::string> lock_names() const;
    /// Appends the effects, with the locks held. errc::conflict when a blob that gains references
    /// is gone (its version was removed meanwhile: read the source again); errc::corrupt when one
    /// that loses them is.
    task<result<void>> resolve(sequencer& decisions, std::vector<any_effect>& effects) const;

  private:
    void change(const std::vector<blob_ref>& blobs, std::int64_t by);
    std::map<blob_id, std::int64_t> by_blob_;
};

/// A new blob's row and the live bytes of its groups.
void put_blob(blob_id blob, blob_row row, std::vector<any_effect>& effects);

/// A decision that is ready, with the locks it rests on.
struct prepared_change {
    decision change;
    name_lock held;
};
/// Purges a retired version: its row, its references, and with the row that a tombstone ended the
/// tombstone. The caller holds the key's lock, adds what it wants, and commits.
task<result<prepared_change>> remove_version(sequencer& decisions,
                                             index_key::retired_parts retired);

/// About how many bytes the effects take in a record; never less than they do by much.
std::size_t effects_bytes_estimate(const std::vector<any_effect>& effects);

}  // namespace taicang
