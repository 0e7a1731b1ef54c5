#include "storage/index/checkpoint.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/checkpoint_impl.h"

namespace taicang {

task<result<std::unique_ptr<checkpoint_store>>> checkpoint_store::open(environment& env,
                                                                       device_set& devices,
                                                                       stripe_store& stripes) {
    auto keeper = std::make_unique<checkpoint_keeper>(env, devices, stripes);
    TC_CO_TRY(co_await keeper->load());
    co_return std::unique_ptr<checkpoint_store>(std::move(keeper));
}

tier_id checkpoint_keeper::tier() const {
    return devices_.has_tier(tier_id::nvme) ? tier_id::nvme : tier_id::hdd;
}

task<result<void>> checkpoint_keeper::load() {
    const std::string section = devices_.root_bytes(tier(), root_section::checkpoints);
    if (section.empty()) co_return ok();
    auto entries = decode_checkpoint_root(as_bytes(section));
    if (!entries) co_return entries.error().with_context("opening the checkpoints");
    for (checkpoint_root_entry& entry : *entries) {
        for (const group_row& group : entry.groups)
            stripes_.adopt(group);
        kept_checkpoint one;
        one.root = std::move(entry);
        auto bytes = co_await read_manifest(one.root);
        if (!bytes) {
            one.damage = bytes.error().message;
        } else {
            auto manifest = decode_manifest(as_bytes(*bytes));
            if (manifest) {
                one.manifest = std::move(*manifest);
            } else {
                one.damage = manifest.error().message;
            }
        }
        if (!one.damage.empty()) {
            // Not fatal: the index itself is probably there, and the other checkpoint. The next
            // take replaces it.
            TC_MARK("checkpoint.manifest_damaged");
            log_event(log_level::error, "checkpoint_damaged")
                .with("number", one.root.info.number)
                .with("reason", one.damage);
        }
        for (const group_row& group : one.manifest.groups)
            stripes_.adopt(group);
        kept_.push_back(std::move(one));
    }
    co_return ok();
}

task<result<std::string>> checkpoint_keeper::read_manifest(const checkpoint_root_entry& entry) {
    std::string bytes(static_cast<std::size_t>(entry.manifest_length), '\0');
    std::size_t at = 0;
    for (const piece& where : entry.pieces) {
        const bytes_span into = std::as_writable_bytes(std::span(bytes)).subspan(at, where.length);
        auto read = co_await stripes_.read(where, 0, into);
        if (!read) co_return read.error().with_context("reading a checkpoint's manifest");
        at += where.length;
    }
    if (crc32c(as_bytes(bytes)) != entry.manifest_crc) {
        co_return error(errc::corrupt, "the manifest of checkpoint " +
                                           std::to_string(entry.info.number) +
                                           " does not match the checksum in the root");
    }
    co_return bytes;
}

std::vector<checkpoint_info> checkpoint_keeper::kept() const {
    std::vector<checkpoint_info> infos;
    for (const kept_checkpoint& one : kept_)
        infos.push_back(one.root.info);
    return infos;
}

lsn checkpoint_keeper::covered() const {
    // Retention honours the older one, so that the newest may turn out to be damaged.
    if (kept_.size() < limits::checkpoints_kept) return lsn{};
    lsn least = kept_.front().root.info.applied;
    for (const kept_checkpoint& one : kept_)
        least = std::min(least, one.root.info.applied);
    return least;
}

checkpoint_keeper::group_set checkpoint_keeper::named_groups() const {
    group_set named;
    for (const auto* list : {&kept_, &uncertain_}) {
        for (const kept_checkpoint& one : *list) {
            for (const group_row& group : one.root.groups)
                named.insert(group.id);
            for (const group_row& group : one.manifest.groups)
                named.insert(group.id);
        }
    }
    return named;
}

}  // namespace taicang
