#include "s3gw/admin/status_json.h"

#include <nlohmann/json.hpp>

namespace taicang {

namespace {

using nlohmann::json;

constexpr int schema = 1;

// Names and paths may hold any bytes: what is not UTF-8 is replaced, never thrown over.
std::string dump(const json& document) {
    return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string_view job_state_name(job_state state) {
    switch (state) {
        case job_state::busy:
            return "busy";
        case job_state::throttled:
            return "throttled";
        case job_state::idle:
            return "idle";
        case job_state::done:
            return "done";
    }
    return "unknown";
}

json json_of(const device_info& device) {
    return {{"path", device.path},
            {"uuid", device.id.text()},
            {"tier", std::string(tier_name(device.tier))},
            {"state", std::string(device_state_name(device.state))},
            {"reason", device.reason},
            {"bytes_used", device.bytes_used},
            {"bytes_kept", device.bytes_kept},
            {"bytes_capacity", device.bytes_capacity},
            {"extent_bytes", device.extent_bytes},
            {"membership_epoch", device.epoch.value},
            {"filesystem_id", device.filesystem_id},
            {"read_failures", device.read_failures}};
}

json json_of(const tier_status& tier) {
    return {{"tier", std::string(tier_name(tier.tier))},
            {"k_now", tier.space.k_now},
            {"k_target", tier.space.k_target},
            {"m", tier.space.m},
            {"bytes_total", tier.space.bytes_total},
            {"bytes_free", tier.space.bytes_free},
            {"groups_possible", tier.space.groups_possible},
            {"below_reserve", tier.space.below_reserve},
            {"devices", tier.devices},
            {"devices_active", tier.devices_active},
            {"one_failure_domain", tier.one_failure_domain}};
}

json json_of(const job_status& job) {
    return {{"name", job.name},
            {"state", std::string(job_state_name(job.state))},
            {"paused", job.paused},
            {"steps", job.steps},
            {"failures", job.failures},
            {"last_error", job.last_error},
            {"bytes_done", job.progress.bytes_done},
            {"items_done", job.progress.items_done},
            {"note", job.progress.note}};
}

json json_of(const checkpoint_info& checkpoint) {
    return {{"number", checkpoint.number},
            {"applied", checkpoint.applied.value},
            {"files", checkpoint.files},
            {"bytes", checkpoint.bytes},
            {"taken_ns", checkpoint.taken}};
}

template <class Rows>
json array_of(const Rows& rows) {
    json list = json::array();
    for (const auto& row : rows)
        list.push_back(json_of(row));
    return list;
}

json journal_of(const hub_status& status) {
    const journal_figures& log = status.journal_now;
    return {{"first_retained", log.first_retained.value},
            {"last_appended", log.last_appended.value},
            {"last_durable", log.last_durable.value},
            {"epoch", log.epoch.value},
            {"segments", log.segments},
            {"segments_prepared", log.segments_prepared},
            {"segments_degraded", log.segments_degraded},
            {"copies_restored", log.copies_restored},
            {"bytes_retained", log.bytes_retained},
            {"bytes_max", log.bytes_max},
            {"fill", status.journal_fill},
            {"commits", log.commits},
            {"records", log.records},
            {"ensemble", log.ensemble},
            {"failure", log.failure}};
}

json index_of(const index_figures& rows) {
    return {{"applied", rows.applied.value},
            {"flushed", rows.flushed.value},
            {"seeks", rows.seeks},
            {"nexts", rows.nexts},
            {"gets", rows.gets},
            {"gets_from_pool", rows.gets_from_pool},
            {"block_reads", rows.block_reads},
            {"bytes_on_disk", rows.bytes_on_disk},
            {"rows_estimated", rows.rows_estimated}};
}

json stripes_of(const stripe_figures& stripes) {
    return {{"groups", stripes.groups},
            {"groups_open", stripes.groups_open},
            {"reads", stripes.reads},
            {"degraded_reads", stripes.degraded_reads},
            {"checksum_failures", stripes.checksum_failures},
            {"rewritten_pieces", stripes.rewritten_pieces}};
}

}  // namespace

std::string status_json(const hub_status& status, std::string_view version) {
    json document;
    document["schema"] = schema;
    document["version"] = version;
    document["health"] = std::string(hub_health_name(status.health));
    document["findings"] = status.findings;
    document["hub"] = status.hub.text();
    document["term"] = status.term.value;
    document["io_backend"] = status.io_backend;
    document["io_backend_reason"] = status.io_backend_reason;
    document["index_restored"] = status.index_restored;
    document["records_replayed"] = status.records_replayed;
    document["orphans_removed"] = status.orphans_removed;
    document["tiers"] = array_of(status.tiers);
    document["devices"] = array_of(status.devices);
    document["write_failure"] = status.write_failure;
    document["journal"] = journal_of(status);
    document["index"] = index_of(status.index_now);
    document["stripes"] = stripes_of(status.stripes);
    document["checkpoints"] = array_of(status.checkpoints);
    document["jobs"] = array_of(status.jobs);
    return dump(document);
}

std::string devices_json(const hub_status& status) {
    return dump({{"schema", schema}, {"devices", array_of(status.devices)}});
}

std::string jobs_json(const hub_status& status) {
    return dump({{"schema", schema}, {"jobs", array_of(status.jobs)}});
}

std::string buckets_json(const std::vector<bucket_row>& buckets) {
    json list = json::array();
    for (const bucket_row& row : buckets) {
        list.push_back({{"name", row.name}, {"owner", row.owner}, {"created_ns", row.created}});
    }
    return dump({{"schema", schema}, {"buckets", list}});
}

std::string error_json(const error& why) {
    const json told = {{"code", std::string(errc_name(why.code))}, {"message", why.message}};
    return dump({{"schema", schema}, {"error", told}});
}

std::string done_json() {
    return dump({{"schema", schema}, {"done", true}});
}

}  // namespace taicang
