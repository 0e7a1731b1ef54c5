// Gives the bytes of a version, resolved to pieces of pinned groups (or held in memory when they
// came out of the journal), with a bounded read-ahead. Threads: the shard's executor. Lifetime: a
// reader dies before the service stops; reads under way hold the gate and what they read into.
// Invariant: once resolved, a body stays readable whatever becomes of its version, blobs and
// places.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "storage/object/service_impl.h"

namespace taicang {

/// Bytes of one piece, or one buffer that is held already.
struct body_span {
    piece where;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::optional<std::size_t> held;  ///< index into resolved_body::held
};

struct resolved_body {
    std::vector<body_span> spans;
    std::vector<group_pin> pins;
    std::vector<buffer> held;
};

class version_reader final : public object_reader {
  public:
    version_reader(shard_objects& service, object_info info, resolved_range range,
                   std::shared_ptr<resolved_body> body);

    [[nodiscard]] const object_info& info() const override { return info_; }
    [[nodiscard]] std::uint64_t first() const override { return range_.first; }
    [[nodiscard]] std::uint64_t length() const override { return range_.length; }
    [[nodiscard]] bool is_range() const override { return range_.partial; }
    task<result<buffer>> next() override;

  private:
    struct fetch;
    task<result<void>> reserve();
    task<result<buffer>> next_ahead();
    [[nodiscard]] bool start_fetch();
    static task<void> run_fetch(std::shared_ptr<fetch> one, stripe_store& stripes);

    shard_objects& service_;
    object_info info_;
    resolved_range range_;
    std::shared_ptr<resolved_body> body_;
    std::size_t at_ = 0;  // next span to fetch
    std::deque<std::shared_ptr<fetch>> ahead_;
    memory_lease lease_;
};

}  // namespace taicang
