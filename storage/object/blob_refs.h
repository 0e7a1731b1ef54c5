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
    /// Appends the effects, with the locks held, until the record is full, and forgets the changes
    /// that are in it: empty() afterwards, but for versions of very many shared blobs (see
    /// give_back()). errc::conflict when a blob that gains references is gone (its version was
    /// removed meanwhile: read the source again); errc::corrupt when one that loses them is.
    task<result<void>> resolve(sequencer& decisions, std::vector<any_effect>& effects);
    /// Commits what is left of references given up, in further records, once the first is durable.
    /// A crash or failure in between leaves blobs with too many references: space that `taicang
    /// fsck` finds, never bytes lost; so a failure is told to the log, not to the client.
    task<void> give_back(sequencer& decisions);

  private:
    void change(const std::vector<blob_ref>& blobs, std::int64_t by);
    task<result<void>> give_some_back(sequencer& decisions);
    task<result<void>> resolve_all(sequencer& decisions, bool gains,
                                   std::vector<any_effect>& effects);
    std::map<blob_id, std::int64_t> by_blob_;
};

/// A new blob's row and the live bytes of its groups.
void put_blob(blob_id blob, blob_row row, std::vector<any_effect>& effects);

/// A decision that is ready, with the locks it rests on.
struct prepared_change {
    decision change;
    name_lock held;
    reference_changes left;  ///< give_back() after the commit
};
/// Purges a retired version: its row, its references, and with the row that a tombstone ended the
/// tombstone. The caller holds the key's lock, adds what it wants, and commits.
task<result<prepared_change>> remove_version(sequencer& decisions,
                                             index_key::retired_parts retired);

/// About how many bytes effects take in a record; never less than they do by much.
std::size_t effect_bytes_estimate(const any_effect& effect);
std::size_t effects_bytes_estimate(const std::vector<any_effect>& effects);

}  // namespace taicang
