// Takes a body of any length: small ones are gathered for a journal record, larger ones stream to
// stripes in runs while their digests are computed beside. Knows nothing of keys or versions.
// Threads: the shard's executor; hashing on env.compute. Lifetime: borrows env, stripes and the
// gate of the service; may be destroyed at any time (what is under way ends by itself, holding the
// gate, and what was written stays unnamed). Crash order: chunks written -> finish(): every run
// durable -> the caller's record names them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/buffer.h"
#include "storage/base/digest.h"
#include "storage/index/rows.h"
#include "storage/object/sequencer.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

struct body_options {
    tier_id tier = tier_id::nvme;
    bool may_inline = true;               ///< small bodies go into the record
    digest_set digests;                   ///< wanted beside MD5
    std::optional<std::uint64_t> length;  ///< announced; more is refused
    std::uint64_t bytes_max = 0;
    std::optional<content_digests> known;  ///< of the whole body
};

struct written_body {
    std::uint64_t size = 0;
    content_digests digests;
    std::optional<blob_row> blob;             ///< none for an empty body
    inline_payload payload;                   ///< when the blob is in the record
    std::vector<stripe_store::written> runs;  ///< pins: keep until the record is applied
};

class body_writer {
  public:
    body_writer(environment& env, stripe_store& stripes, gate& holder, blob_id blob,
                body_options options);
    ~body_writer();
    body_writer(const body_writer&) = delete;
    body_writer& operator=(const body_writer&) = delete;

    task<result<void>> write(buffer bytes);
    /// Asks for one more digest, as long as the body is small; else it must have been asked for at
    /// the beginning.
    void want(digest_kind kind) { options_.digests.add(kind); }
    /// Once, after the last write(). Everything is durable then, but for a payload.
    task<result<written_body>> finish();
    [[nodiscard]] blob_id blob() const noexcept { return blob_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  private:
    struct stream;
    struct run_slot;
    class hash_chain;

    [[nodiscard]] result<void> admit(std::size_t more) const;
    void gather(buffer bytes);
    task<result<void>> begin_stream();
    task<result<void>> pour(bytes_view bytes);
    task<result<void>> next_slot();
    void submit();
    task<result<written_body>> finish_small();
    task<result<written_body>> finish_stream();
    static task<void> write_run(std::shared_ptr<stream> where, std::shared_ptr<run_slot> slot);
    static task<void> hash_run(std::shared_ptr<stream> where, std::size_t chain);

    environment& env_;
    stripe_store& stripes_;
    gate& gate_;
    const blob_id blob_;
    body_options options_;
    std::uint64_t size_ = 0;
    std::uint64_t submitted_ = 0;  // of them in runs under way or done
    buffer small_;                 // the body so far, while it is small
    memory_lease small_lease_;
    std::shared_ptr<stream> stream_;  // once it is not
    std::shared_ptr<run_slot> filling_;
};

}  // namespace taicang
