// The engine behind the journal's face. Four strands of work meet on the shard's executor:
//   append     callers put records into the gathering batch (journal_engine.cc)
//   commit     one batch at a time goes to the ensemble; ensemble changes
//   (journal_engine_commit.cc) maintain   segments prepared ahead, released ones forgotten and
//   removed; mend: lost and wrong copies restored
//              (journal_engine_maintain.cc)
//   read       sequential and by LSN (journal_engine_read.cc)
// Threads: the shard's executor. Lifetime: begin() .. stop(); the gate holds every coroutine.
// Invariants: retained_ is in LSN order, the open segment last; a prepared segment is opened only
// when a durable root names it; changes that a root must show are made and written under
// root_mutex_; segments' extents are removed only when no durable root names them and no reader has
// them pinned.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/journal/batch_builder.h"
#include "storage/journal/journal.h"
#include "storage/journal/journal_metrics.h"
#include "storage/journal/recent_batches.h"
#include "storage/journal/recovery.h"
#include "storage/journal/segment_io.h"
#include "storage/journal/segment_walker.h"

namespace taicang {

class journal_engine final : public journal {
  public:
    journal_engine(environment& env, device_set& devices, journal_options options,
                   recovered_journal recovered);
    ~journal_engine() override;

    /// Opens the next ensemble_epoch and starts the strands; after it, records may be appended. Not
    /// for read-only use. When there are too few devices or no space the journal stays readable,
    /// and admit() says why.
    task<result<void>> begin();

    task<void> stop() override;
    task<result<void>> admit(std::uint64_t bytes, record_kind kind) override;
    lsn append(record_draft draft) override;
    void on_durable(std::function<void(lsn last)> consumer) override;
    void on_failure(std::function<void(const error&)> consumer) override;
    task<result<std::vector<journal_record>>> read_from(lsn from, std::size_t bytes_max,
                                                        bool with_payload) override;
    task<result<void>> read_payload(lsn position, std::uint64_t offset, bytes_span into) override;
    void release_below(lsn bound) override;
    [[nodiscard]] lsn last_appended() const override { return lsn(next_.value - 1); }
    [[nodiscard]] lsn last_durable() const override { return durable_; }
    [[nodiscard]] lsn first_retained() const override;
    [[nodiscard]] double fill() const override;
    [[nodiscard]] journal_figures figures() const override;
    [[nodiscard]] std::vector<std::pair<uuid, extent_name>> extents() const override;

  private:
    using batch_ptr = std::shared_ptr<batch_builder>;

    // --- shared ---
    [[nodiscard]] std::uint64_t bytes_retained() const noexcept;
    [[nodiscard]] std::uint64_t bytes_pending() const noexcept;
    [[nodiscard]] std::uint64_t bytes_ahead() const noexcept;
    [[nodiscard]] std::optional<error> refusal() const;
    [[nodiscard]] std::vector<device_load> loads() const;
    void fail(error why);

    // --- commit ---
    task<void> commit_loop();
    task<bool> commit(batch_ptr batch);
    task<bool> write_batch(batch_ptr batch, nanoseconds began);
    void acknowledge(const batch_ptr& batch, nanoseconds began);
    task<result<void>> roll_over();
    task<result<void>> change_ensemble();
    task<result<void>> reopen_elsewhere();
    void open_segment(segment_ptr next);
    void retire_open();

    // --- root (root_mutex_ held) ---
    [[nodiscard]] segment_map map_now() const;
    task<result<void>> write_root();
    task<result<void>> first_root();
    task<result<segment_ptr>> create_making_room();

    // --- maintain ---
    task<void> maintain_loop();
    task<void> maintain_once();
    task<std::vector<segment_ptr>> create_ahead();
    bool drop_released();
    bool drop_broken_prepared();
    bool adopt_prepared(std::vector<segment_ptr>& fresh);
    task<void> remove_dead();
    task<void> mend_loop();
    task<bool> mend_one_segment();
    task<bool> mend_one_batch();
    void device_was_fenced();

    // --- read ---
    struct read_place {
        segment_id id;
        walk_position at;
    };
    struct wrong_batch {
        segment_ptr held;
        std::uint64_t offset = 0;
    };
    [[nodiscard]] segment_ptr segment_of(lsn position) const;
    [[nodiscard]] error released(lsn position) const;
    task<result<std::vector<journal_record>>> read_records(lsn from, std::size_t bytes_max,
                                                           bool with_payload);
    task<result<std::uint64_t>> read_segment(segment_pin held, lsn from, std::size_t bytes_max,
                                             bool with_payload, std::vector<journal_record>& out);
    task<result<walk_position>> find_place(segment_pin& held, lsn from);
    task<result<void>> ensure_table(segment_pin& held, lsn position);
    void drop_old_tables(const segment* keep);
    task<result<void>> read_payload_at(lsn position, std::uint64_t offset, bytes_span into);
    task<result<void>> read_payload_from_disk(segment_pin held, lsn position, std::uint64_t offset,
                                              bytes_span into);
    void remember_place(segment_id id, const walk_position& at);
    void copy_was_wrong(const segment_pin& held, const segment_member& member,
                        std::uint64_t batch_offset);

    environment& env_;
    device_set& devices_;
    journal_options options_;
    segment_io io_;
    journal_metrics metrics_;
    shard_id shard_{};

    // append
    lsn next_{1};
    sha256_digest chain_{};        ///< after the last appended record
    std::deque<batch_ptr> queue_;  ///< the last one gathers
    std::uint64_t pending_records_ = 0;
    std::uint64_t queued_bytes_ = 0;
    std::uint64_t committing_bytes_ = 0;
    std::size_t batch_capacity_hint_ = 0;
    event work_;
    event progress_;  ///< pulsed when admit() may look again

    // commit
    lsn durable_;
    sha256_digest durable_chain_{};
    ensemble_epoch epoch_;
    segment_ptr open_;  ///< also the last of retained_; null between segments and when read-only
    std::deque<segment_ptr> retained_;
    std::deque<segment_ptr> prepared_;
    std::deque<segment_ptr> dying_;
    segment_id next_segment_{1};
    std::uint64_t full_bytes_ = 0;
    std::uint64_t segment_bytes_ = 0;  ///< capacity of the smallest segment made
    event prepared_ready_;
    async_mutex root_mutex_;
    std::vector<segment_member> garbage_;  ///< extents the next durable root no longer names

    // maintain
    event maintain_;
    event mend_;
    lsn release_bound_;
    bool cannot_prepare_ = false;  ///< the last attempt found no room
    std::deque<wrong_batch> wrong_batches_;

    // read
    recent_batches recent_;
    std::deque<read_place> places_;
    async_mutex table_mutex_;
    std::uint64_t table_clock_ = 0;

    // state
    bool writable_ = false;
    bool stopping_ = false;
    bool stopped_ = false;
    bool commits_done_ = false;  ///< the commit strand has ended: the others may
    std::optional<error> failure_;
    bool failure_told_ = false;
    std::function<void(lsn)> durable_consumer_;
    std::function<void(const error&)> failure_consumer_;
    std::uint64_t bytes_appended_ = 0;
    std::uint64_t commits_ = 0;
    nanoseconds commits_took_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t copies_restored_ = 0;
    std::shared_ptr<journal_engine*> self_;  ///< for the fence observer, which outlives us
    gate gate_;
};

}  // namespace taicang
