// The extent directory of one device in memory: which extent stands on which place, and which
// places are free. Threads: the shard's executor. Lifetime: owned by its file_device. No I/O:
// blocks are handed in and out. Invariants: a name stands on one place at most; the life of a place
// only grows; a place is in exactly one of: live, taken (between take() and create or give_back, or
// between retire() and release()), or one of the free sets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/device/directory_format.h"
#include "storage/device/extent_device.h"

namespace taicang {

struct extent_name_hash {
    std::size_t operator()(const extent_name& name) const noexcept;
};

class extent_directory {
  public:
    extent_directory(uuid device, std::uint64_t places);

    /// Takes a block as read; entries that do not verify make their place damaged. Call for each
    /// block once.
    void load_block(std::uint64_t block, bytes_view bytes);
    /// A block as it has to be on the device now. Damaged entries are kept byte for byte: they stay
    /// evidence.
    void encode_block(std::uint64_t block, bytes_span into) const;
    [[nodiscard]] std::uint64_t blocks() const noexcept;
    [[nodiscard]] static std::uint64_t block_of(std::uint64_t place) noexcept {
        return place / device_format::directory_entries_per_block;
    }

    [[nodiscard]] std::optional<std::uint64_t> find(const extent_name& name) const;
    [[nodiscard]] const device_format::directory_entry& at(std::uint64_t place) const;
    [[nodiscard]] extent_info info(std::uint64_t place) const;
    [[nodiscard]] std::vector<extent_info> list() const;

    /// Takes a free place out: written ones first, of which others leave the last few to the
    /// journal; damaged ones last.
    std::optional<std::uint64_t> take(extent_purpose purpose);
    /// Puts a taken place back as it was.
    void give_back(std::uint64_t place);
    /// A taken place becomes a live extent with the next life.
    void create(std::uint64_t place, extent_name name, extent_purpose purpose, bool written);
    void seal(std::uint64_t place, std::uint64_t length);
    /// A live extent becomes a taken place; `keep_written` when its space and bytes are kept for
    /// the next extent.
    void retire(std::uint64_t place, bool keep_written);
    /// The space of a taken place is not kept after all.
    void forget_written(std::uint64_t place);
    /// Takes out a free place whose space was kept and forgets it; none once only the journal's few
    /// are left. The caller writes its entry, gives the space back and then the place.
    std::optional<std::uint64_t> take_kept();
    /// A retired place may be taken again.
    void release(std::uint64_t place);

    [[nodiscard]] std::uint64_t live_count() const noexcept { return names_.size(); }
    [[nodiscard]] std::uint64_t free_count() const noexcept {
        return cold_.size() + warm_.size() + damaged_free_.size();
    }
    /// Free places whose space is kept, and those that will be once they are released.
    [[nodiscard]] std::uint64_t warm_count() const noexcept {
        return warm_.size() + retired_warm_.size();
    }
    [[nodiscard]] std::uint64_t damaged_count() const noexcept { return damaged_.size(); }

  private:
    using raw_entry = std::array<std::byte, device_format::directory_entry_bytes>;
    uuid device_;
    std::vector<device_format::directory_entry> entries_;
    std::map<std::uint64_t, raw_entry> damaged_;
    std::unordered_map<extent_name, std::uint64_t, extent_name_hash> names_;
    std::set<std::uint64_t> cold_, warm_, damaged_free_;
    std::set<std::uint64_t> retired_warm_;
    std::uint64_t life_max_ = 0;
};

}  // namespace taicang
