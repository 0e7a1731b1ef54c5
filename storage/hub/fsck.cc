#include "storage/hub/fsck.h"

#include <map>
#include <set>
#include <unordered_map>

#include "storage/base/limits.h"
#include "storage/index/keys.h"
#include "storage/object/sequencer.h"

namespace taicang {

namespace {

/// What one pass over the index gathers.
struct gathered {
    struct blob_seen {
        std::uint64_t referenced = 0;  // by versions and parts
        std::uint64_t length = 0;      // as the references say; 0: none yet
        std::optional<blob_row> row;
    };
    std::unordered_map<blob_id, blob_seen, id_hash<blob_id>> blobs;
    std::map<group_id, std::int64_t> live_rows;
    std::map<group_id, std::int64_t> live_found;
    std::map<group_id, group_row> groups;
    std::set<bucket_id> buckets;
    std::set<std::string> parts_of_uploads;  // prefixes of part rows, of the uploads there are
    std::map<std::string, std::uint64_t> parts_found;  // by the same prefixes
};

class checker {
  public:
    checker(hub& storage, fsck_options options) : storage_(storage), options_(options) {}

    task<result<fsck_report>> run() {
        auto read = co_await storage_.rows().with_cursor(
            [this](index_cursor& cursor) { return gather(cursor); });
        if (!read) co_return std::move(read).error();
        check_blobs();
        check_parts();
        check_groups();
        check_extents();
        TC_CO_TRY(co_await check_journal());
        if (options_.read_data) TC_CO_TRY(co_await read_all());
        co_return std::move(report_);
    }

  private:
    void problem(std::string sentence) {
        ++report_.problem_count;
        if (report_.problems.size() < limits::fsck_problems_max)
            report_.problems.push_back(std::move(sentence));
    }

    result<void> gather(index_cursor& cursor);
    result<void> gather_row(std::string_view key, std::string_view value);
    result<void> gather_reference_holder(std::string_view key, std::string_view value);
    void refer(const std::vector<blob_ref>& blobs);
    void check_blobs();
    void check_blob_place(blob_id id, const blob_row& row);
    void check_parts();
    void check_groups();
    void check_group_chunks(const group_row& group);
    void check_extents();
    task<result<void>> check_journal();
    task<result<void>> read_all();
    task<void> read_blob(blob_id id, const blob_row& row);
    void tell_damage(const std::vector<device_info>& devices, group_id group, unsigned chunk);

    hub& storage_;
    fsck_options options_;
    fsck_report report_;
    gathered seen_;
};

std::string name_of(blob_id id) {
    return "blob " + std::to_string(id.value);
}
std::string name_of(group_id id) {
    return "group " + std::to_string(id.value);
}

result<void> checker::gather(index_cursor& cursor) {
    for (cursor.seek(""); cursor.valid(); cursor.next()) {
        auto row = gather_row(cursor.key(), cursor.value());
        if (!row)
            problem("index: row " + to_hex(as_bytes(cursor.key())) + ": " + row.error().message);
    }
    return cursor.status();
}

void checker::refer(const std::vector<blob_ref>& blobs) {
    for (const blob_ref& reference : blobs) {
        auto& blob = seen_.blobs[reference.blob];
        ++blob.referenced;
        if (blob.length != 0 && blob.length != reference.length) {
            problem(name_of(reference.blob) + ": two references disagree on its length");
        }
        blob.length = reference.length;
    }
}

result<void> checker::gather_reference_holder(std::string_view key, std::string_view value) {
    if (key[0] == static_cast<char>(index_key::family::part)) {
        TC_TRY_ASSIGN(part, decode_part_row(as_bytes(value)));
        ++report_.parts;
        const auto upload = index_key::parse_part_upload(key);
        if (!upload) return error(errc::corrupt, "the key cannot be read");
        ++seen_.parts_found[index_key::part_prefix(*upload)];
        refer(part.blobs);
        return ok();
    }
    const auto parts = index_key::parse_version(key);
    if (!parts) return error(errc::corrupt, "the key cannot be read");
    TC_TRY_ASSIGN(version, decode_version_row(as_bytes(value)));
    ++report_.versions;
    if (!seen_.buckets.contains(parts->bucket))
        problem("a version of bucket " + std::to_string(parts->bucket.value) +
                ", which does not exist");
    std::uint64_t size = 0;
    for (const blob_ref& reference : version.blobs)
        size += reference.length;
    if (size != version.size)
        problem("a version's blobs do not add up to its size: " + to_hex(as_bytes(key)));
    refer(version.blobs);
    return ok();
}

result<void> checker::gather_row(std::string_view key, std::string_view value) {
    switch (static_cast<index_key::family>(key[0])) {
        case index_key::family::bucket: {
            TC_TRY_ASSIGN(row, decode_bucket_row(as_bytes(value)));
            seen_.buckets.insert(row.id);
            ++report_.buckets;
            return ok();
        }
        case index_key::family::blob: {
            const auto id = index_key::parse_blob(key);
            if (!id) return error(errc::corrupt, "the key cannot be read");
            TC_TRY_ASSIGN(row, decode_blob_row(as_bytes(value)));
            seen_.blobs[*id].row = std::move(row);
            ++report_.blobs;
            return ok();
        }
        case index_key::family::group: {
            TC_TRY_ASSIGN(row, decode_group_row(as_bytes(value)));
            const group_id id = row.id;
            seen_.groups.emplace(id, std::move(row));
            ++report_.groups;
            return ok();
        }
        case index_key::family::group_live: {
            const auto id = index_key::parse_group(key);
            decoder in(as_bytes(value));
            const std::int64_t live = in.i64();
            if (!id || !in.finished()) return error(errc::corrupt, "live bytes cannot be read");
            seen_.live_rows[*id] = live;
            return ok();
        }
        case index_key::family::upload: {
            const auto upload = index_key::parse_upload(key);
            if (!upload) return error(errc::corrupt, "the key cannot be read");
            TC_TRY_ASSIGN(row, decode_upload_row(as_bytes(value)));
            seen_.parts_of_uploads.insert(index_key::part_prefix(upload->upload_id));
            ++report_.uploads;
            return ok();
        }
        case index_key::family::part:
        case index_key::family::version:
            return gather_reference_holder(key, value);
        case index_key::family::retired:
        case index_key::family::cursor:
        case index_key::family::meta:
            return ok();
    }
    return error(errc::corrupt, "no family of rows begins like this");
}

void checker::check_blob_place(blob_id id, const blob_row& row) {
    if (row.journal) {
        const lsn position = row.journal->position;
        if (position < storage_.log().first_retained() ||
            position > storage_.log().last_durable()) {
            problem(name_of(id) + " rests in the journal at LSN " + std::to_string(position.value) +
                    ", which is not retained");
        }
        return;
    }
    std::uint64_t stored = 0;
    for (const piece& one : row.pieces) {
        stored += one.length;
        seen_.live_found[one.group] += one.length;
        if (!seen_.groups.contains(one.group))
            problem(name_of(id) + " lies in " + name_of(one.group) + ", which has no row");
    }
    if (stored != row.stored_length)
        problem(name_of(id) + ": its pieces do not add up to its stored length");
}

void checker::check_blobs() {
    for (const auto& [id, blob] : seen_.blobs) {
        if (!blob.row) {
            problem(name_of(id) + " is referenced " + std::to_string(blob.referenced) +
                    " times and has no row: data is lost");
            continue;
        }
        if (blob.referenced != blob.row->references) {
            problem(name_of(id) + " says " + std::to_string(blob.row->references) +
                    " references, " + std::to_string(blob.referenced) + " were found" +
                    (blob.referenced == 0 ? ": its space leaks" : ""));
        }
        if (blob.referenced != 0 && blob.length != blob.row->logical_length)
            problem(name_of(id) + ": a reference disagrees with its length");
        check_blob_place(id, *blob.row);
    }
}

void checker::check_group_chunks(const group_row& group) {
    std::set<uuid> devices;
    for (const chunk_place& chunk : group.chunks) {
        if (!devices.insert(chunk.device).second)
            problem(name_of(group.id) + " has two chunks on one device");
    }
    if (group.chunks.size() != static_cast<std::size_t>(group.k) + group.m) {
        problem(name_of(group.id) + " has not k+m chunks");
    }
}

void checker::check_parts() {
    for (const auto& [prefix, count] : seen_.parts_found) {
        if (seen_.parts_of_uploads.contains(prefix)) continue;
        problem(std::to_string(count) + " parts belong to no upload: their space leaks; rows " +
                to_hex(as_bytes(prefix)));
    }
}

void checker::check_groups() {
    for (const auto& [id, group] : seen_.groups)
        check_group_chunks(group);
    for (const auto& [id, live] : seen_.live_found) {
        const auto row = seen_.live_rows.find(id);
        const std::int64_t said = row == seen_.live_rows.end() ? 0 : row->second;
        if (said != live) {
            problem(name_of(id) + " says " + std::to_string(said) + " live bytes, " +
                    std::to_string(live) + " were found");
        }
    }
    for (const auto& [id, said] : seen_.live_rows) {
        if (said != 0 && !seen_.live_found.contains(id))
            problem(name_of(id) + " says " + std::to_string(said) + " live bytes, none were found");
    }
}

void checker::check_extents() {
    std::map<uuid, std::map<extent_name, extent_info>> present;
    std::set<uuid> active;
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        if (!storage_.devices().has_tier(tier)) continue;
        for (extent_device* device : storage_.devices().active(tier)) {
            active.insert(device->id());
            for (const extent_info& extent : device->list())
                present[device->id()].emplace(extent.name, extent);
        }
    }
    std::set<std::pair<uuid, extent_name>> named;
    for (const auto& [device, name] : storage_.log().extents())
        named.insert({device, name});
    for (const group_row& group : storage_.stripes().groups()) {
        for (const chunk_place& chunk : group.chunks) {
            named.insert({chunk.device, chunk.extent});
            if (!active.contains(chunk.device))
                continue;  // missing devices are the status page's business
            const auto found = present[chunk.device].find(chunk.extent);
            if (found == present[chunk.device].end()) {
                problem(name_of(group.id) + ": extent " + chunk.extent.text() +
                        " is missing on device " + chunk.device.text());
            } else if (found->second.life != chunk.life) {
                problem(name_of(group.id) + ": extent " + chunk.extent.text() +
                        " is of another life");
            }
        }
    }
    for (const auto& [device, extents] : present) {
        for (const auto& [name, extent] : extents) {
            ++report_.extents;
            // What this start created may be about to be named (segments are prepared ahead).
            if (named.contains({device, name}) || name.term == storage_.devices().term()) continue;
            ++report_.extents_leaked;
            problem("extent " + name.text() + " on device " + device.text() +
                    " is named by nothing: its space leaks until the next start");
        }
    }
}

task<result<void>> checker::check_journal() {
    lsn next = storage_.log().first_retained();
    const lsn last = storage_.log().last_durable();
    while (next.value != 0 && next <= last) {
        auto records =
            co_await storage_.log().read_from(next, limits::replay_read_bytes, options_.read_data);
        if (!records) {
            problem("journal from LSN " + std::to_string(next.value) + ": " +
                    records.error().message);
            co_return ok();
        }
        for (const journal_record& record : *records) {
            if (record.header.position != next)
                problem("journal: LSN " + std::to_string(next.value) + " is missing");
            auto effects = decode_effects(as_bytes(record.body));
            if (!effects)
                problem("journal: LSN " + std::to_string(record.header.position.value) + ": " +
                        effects.error().message);
            next = lsn{record.header.position.value + 1};
            ++report_.journal_records;
            report_.bytes_read += record.payload.size();
        }
        if (records->empty()) {
            problem("journal: ends before its last durable LSN " + std::to_string(last.value));
            break;
        }
    }
    co_return ok();
}

task<void> checker::read_blob(blob_id id, const blob_row& row) {
    std::string bytes;
    if (row.journal) {
        bytes.resize(row.stored_length);
        auto read = co_await storage_.log().read_payload(
            row.journal->position, row.journal->offset,
            bytes_span(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
        if (!read) problem(name_of(id) + ": " + read.error().message);
    }
    for (const piece& one : row.pieces) {
        bytes.resize(one.length);
        auto read = co_await storage_.stripes().read(
            one, 0, bytes_span(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
        if (!read) problem(name_of(id) + ": " + read.error().message);
        report_.bytes_read += one.length;
    }
}

/// Reading decodes around a chunk that is wrong or gone, so what it met on the way is told too.
task<result<void>> checker::read_all() {
    std::set<std::pair<group_id, unsigned>> damaged;
    storage_.stripes().on_damage([&damaged](group_id group, unsigned chunk) {
        damaged.insert({group, chunk});
    });
    for (const auto& [id, blob] : seen_.blobs) {
        if (blob.row) co_await read_blob(id, *blob.row);
    }
    storage_.stripes().on_damage({});
    const std::vector<device_info> devices = storage_.devices().devices();
    for (const auto& [group, chunk] : damaged)
        tell_damage(devices, group, chunk);
    co_return ok();
}

void checker::tell_damage(const std::vector<device_info>& devices, group_id group, unsigned chunk) {
    const auto row = storage_.stripes().find(group);
    if (!row || chunk >= row->chunks.size()) return;
    const chunk_place& place = row->chunks[chunk];
    for (const device_info& device : devices) {
        if (device.id != place.device) continue;
        // Missing devices are the status page's business.
        if (device.state != device_state::active) return;
        ++report_.chunks_damaged;
        problem(name_of(group) + ": extent " + place.extent.text() + " on device " + device.path +
                " cannot be read or is wrong; reads decode around it");
    }
}

}  // namespace

task<result<fsck_report>> check_hub(hub& storage, fsck_options options) {
    auto settled = co_await storage.decisions().settled(storage.log().last_appended());
    if (!settled) co_return std::move(settled).error();
    // A pass over everything meets all of a device's wrong blocks within minutes: fencing it for
    // them would take its good ones from groups that need them.
    storage.devices().fence_on_reads(false);
    checker checking(storage, options);
    auto report = co_await checking.run();
    storage.devices().fence_on_reads(true);
    if (report) report->orphans_removed = storage.status().orphans_removed;
    co_return std::move(report);
}

}  // namespace taicang
