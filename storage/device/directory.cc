#include "storage/device/directory.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/mark.h"

namespace taicang {

using device_format::directory_entries_per_block;
using device_format::directory_entry;
using device_format::directory_entry_bytes;
using device_format::place_state;

static_assert(static_cast<std::uint8_t>(extent_purpose::checkpoint) ==
              device_format::extent_purpose_max);

std::size_t extent_name_hash::operator()(const extent_name& name) const noexcept {
    std::uint64_t mixed = name.sequence + 0x9e3779b97f4a7c15ULL * name.term.value;
    mixed ^= static_cast<std::uint64_t>(name.shard.value) << 32;
    mixed ^= mixed >> 31;
    return std::hash<std::uint64_t>{}(mixed * 0xbf58476d1ce4e5b9ULL);
}

namespace {

extent_name name_of(const directory_entry& entry) {
    return {shard_id(entry.shard), shard_term(entry.term), entry.sequence};
}

}  // namespace

extent_directory::extent_directory(uuid device, std::uint64_t places)
    : device_(device), entries_(places) {
    for (std::uint64_t place = 0; place < places; ++place)
        cold_.insert(cold_.end(), place);
}

std::uint64_t extent_directory::blocks() const noexcept {
    return (entries_.size() + directory_entries_per_block - 1) / directory_entries_per_block;
}

void extent_directory::load_block(std::uint64_t block, bytes_view bytes) {
    TC_ASSERT(bytes.size() == device_format::directory_block_bytes);
    for (std::size_t i = 0; i < directory_entries_per_block; ++i) {
        const std::uint64_t place = block * directory_entries_per_block + i;
        if (place >= entries_.size()) return;
        const bytes_view raw = bytes.subspan(i * directory_entry_bytes, directory_entry_bytes);
        auto decoded = device_format::decode_directory_entry(raw, device_, place);
        // Names are never used twice, so two places with one name are damage too: a lost write of a
        // freeing.
        const bool twice = decoded.ok() && decoded->state == place_state::live &&
                           names_.contains(name_of(*decoded));
        cold_.erase(place);
        if (!decoded.ok() || twice) {
            TC_MARK("device.directory_entry_damaged");
            raw_entry kept{};
            std::copy(raw.begin(), raw.end(), kept.begin());
            damaged_.emplace(place, kept);
            damaged_free_.insert(place);
            continue;
        }
        entries_[place] = *decoded;
        life_max_ = std::max(life_max_, decoded->life);
        if (decoded->state == place_state::live) {
            names_.emplace(name_of(*decoded), place);
        } else {
            give_back(place);
        }
    }
}

void extent_directory::encode_block(std::uint64_t block, bytes_span into) const {
    TC_ASSERT(into.size() == device_format::directory_block_bytes);
    std::fill(into.begin(), into.end(), std::byte{0});
    for (std::size_t i = 0; i < directory_entries_per_block; ++i) {
        const std::uint64_t place = block * directory_entries_per_block + i;
        if (place >= entries_.size()) return;
        const bytes_span slot = into.subspan(i * directory_entry_bytes, directory_entry_bytes);
        const auto kept = damaged_.find(place);
        if (kept != damaged_.end()) {
            std::copy(kept->second.begin(), kept->second.end(), slot.begin());
        } else {
            device_format::encode_directory_entry(entries_[place], device_, place, slot);
        }
    }
}

std::optional<std::uint64_t> extent_directory::find(const extent_name& name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) return std::nullopt;
    return found->second;
}

const directory_entry& extent_directory::at(std::uint64_t place) const {
    TC_ASSERT(place < entries_.size());
    return entries_[place];
}

extent_info extent_directory::info(std::uint64_t place) const {
    const directory_entry& entry = at(place);
    TC_ASSERT(entry.state == place_state::live);
    extent_info out;
    out.name = name_of(entry);
    out.purpose = static_cast<extent_purpose>(entry.purpose);
    out.life = generation(entry.life);
    out.sealed = entry.sealed;
    out.sealed_length = entry.sealed_length;
    return out;
}

std::vector<extent_info> extent_directory::list() const {
    std::vector<extent_info> all;
    all.reserve(names_.size());
    for (std::uint64_t place = 0; place < entries_.size(); ++place) {
        if (entries_[place].state == place_state::live) all.push_back(info(place));
    }
    return all;
}

std::optional<std::uint64_t> extent_directory::take(extent_purpose purpose) {
    std::set<std::uint64_t>* order[] = {&warm_, &cold_, &damaged_free_};
    if (purpose != extent_purpose::journal &&
        warm_.size() <= limits::device_journal_warm_extents_max) {
        std::swap(order[0], order[1]);
    }
    for (auto* places : order) {
        if (places->empty()) continue;
        const std::uint64_t place = *places->begin();
        places->erase(places->begin());
        return place;
    }
    return std::nullopt;
}

void extent_directory::give_back(std::uint64_t place) {
    if (damaged_.contains(place)) {
        damaged_free_.insert(place);
    } else {
        TC_ASSERT(at(place).state == place_state::free);
        (at(place).written ? warm_ : cold_).insert(place);
    }
}

void extent_directory::create(std::uint64_t place, extent_name name, extent_purpose purpose,
                              bool written) {
    directory_entry& entry = entries_[place];
    TC_ASSERT(entry.state == place_state::free);
    std::uint64_t life = entry.life + 1;
    if (damaged_.erase(place) != 0) {
        // The damaged entry's own count is not known: go well above every life seen on this device.
        TC_MARK("device.damaged_place_reused");
        life = life_max_ + limits::life_jump_after_damage;
    }
    life_max_ = std::max(life_max_, life);
    entry = {};
    entry.state = place_state::live;
    entry.purpose = static_cast<std::uint8_t>(purpose);
    entry.written = written;
    entry.shard = name.shard.value;
    entry.term = name.term.value;
    entry.sequence = name.sequence;
    entry.life = life;
    const bool inserted = names_.emplace(name, place).second;
    TC_ASSERT_WHY(inserted, "an extent name stands on one place only");
}

void extent_directory::seal(std::uint64_t place, std::uint64_t length) {
    TC_ASSERT(at(place).state == place_state::live && !at(place).sealed);
    entries_[place].sealed = true;
    entries_[place].sealed_length = length;
}

void extent_directory::retire(std::uint64_t place, bool keep_written) {
    directory_entry& entry = entries_[place];
    TC_ASSERT(entry.state == place_state::live);
    names_.erase(name_of(entry));
    const std::uint64_t life = entry.life;
    entry = {};
    entry.life = life;
    entry.written = keep_written;
    if (keep_written) retired_warm_.insert(place);
}

void extent_directory::forget_written(std::uint64_t place) {
    TC_ASSERT(at(place).state == place_state::free);
    entries_[place].written = false;
    retired_warm_.erase(place);
}

std::optional<std::uint64_t> extent_directory::take_kept() {
    if (warm_.size() <= limits::device_journal_warm_extents_max) return std::nullopt;
    const std::uint64_t place = *warm_.rbegin();
    warm_.erase(place);
    entries_[place].written = false;
    return place;
}

void extent_directory::release(std::uint64_t place) {
    retired_warm_.erase(place);
    give_back(place);
}

}  // namespace taicang
