#include "tests/sim/sim_clients.h"

#include <cstring>

#include "storage/base/limits.h"

namespace taicang::sim {

namespace {

constexpr std::uint64_t keys_per_client = 24;

/// A refusal that leaves everything as it was; anything else may have happened.
bool refused(const error& why) {
    switch (why.code) {
        case errc::key_not_found:
        case errc::precondition_failed:
        case errc::upload_not_found:
        case errc::busy:
        case errc::no_space:
        case errc::journal_full:
        case errc::invalid_part:
            return true;
        default:
            return false;
    }
}

}  // namespace

void client::violate(std::string sentence) {
    if (counted_.violation.empty()) counted_.violation = std::move(sentence);
}

void client::read_failed(const std::string& what, const error& why) {
    // Within the budget of faults no read fails; only a hub short of memory may say "later".
    if (world_.powered() && why.code != errc::busy) violate(what + " failed: " + why.message);
}

std::string client::some_key() {
    // Names with a shared stem, a delimiter and bytes that need escaping.
    const std::uint64_t number = random().below(keys_per_client);
    std::string key = prefix_ + "k" + std::to_string(number);
    if (number % 4 == 1) key += "/deeper";
    if (number % 7 == 2) key += std::string("\0x", 2);
    if (number % 5 == 3) key += "\xff";
    return key;
}

content client::new_content(bool large) {
    content made;
    made.name = random().next();
    if (large) {
        made.length = static_cast<std::uint32_t>(limits::inline_object_bytes_max - 3 +
                                                 random().below(900'000));
    } else if (random().one_in(12)) {
        made.length = 0;
    } else {
        made.length =
            static_cast<std::uint32_t>(1 + random().below(random().one_in(8) ? 60'000 : 5'000));
    }
    return made;
}

task<result<void>> client::store(put_request request, content what) {
    const std::string bytes = what.bytes();
    TC_CO_TRY_ASSIGN(writer, co_await objects().begin_put(std::move(request)));
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t length =
            std::min<std::size_t>(bytes.size() - at, 1 + random().below(400'000));
        buffer piece = world_.env().buffers.allocate(length);
        std::memcpy(piece.data(), bytes.data() + at, length);
        TC_CO_TRY(co_await writer->write(std::move(piece)));
        at += length;
    }
    auto stored = co_await writer->commit();
    if (!stored) co_return std::move(stored).error();
    co_return ok();
}

client::step client::settle(const std::string& key, presence wanted, const result<void>& outcome) {
    if (outcome) {
        ++counted_.acknowledged;
        model_.settle(key, wanted);
        return step::went_on;
    }
    if (refused(outcome.error())) return step::went_on;
    ++counted_.unknown;
    model_.may_become(key, wanted);
    return step::ended;
}

task<client::step> client::put(bool large) {
    const std::string key = some_key();
    const content what = new_content(large);
    put_request request;
    request.bucket = bucket;
    request.key = key;
    if (random().one_in(6)) request.attributes.klass = storage_class::standard_ia;
    auto outcome = co_await store(std::move(request), what);
    co_return settle(key, what, outcome);
}

task<client::step> client::put_conditional() {
    const std::string key = some_key();
    const content what = new_content(false);
    put_request request;
    request.bucket = bucket;
    request.key = key;
    request.when.if_none_match = {"*"};
    auto outcome = co_await store(std::move(request), what);
    if (outcome && model_.certainly_there(key)) violate("If-None-Match: * overwrote " + key);
    if (outcome.is(errc::precondition_failed) && model_.certainly_absent(key)) {
        violate("If-None-Match: * was refused for a key that is not there: " + key);
    }
    co_return settle(key, what, outcome);
}

task<client::step> client::remove() {
    const std::string key = some_key();
    std::string name = bucket;
    std::optional<std::string> version;
    conditions when;
    auto removed =
        co_await objects().remove(std::move(name), key, std::move(version), std::move(when));
    result<void> outcome = ok();
    if (!removed) outcome = removed.error();
    co_return settle(key, std::nullopt, outcome);
}

task<client::step> client::remove_many() {
    std::vector<std::string> keys;
    for (int i = 0; i < 5; ++i)
        keys.push_back(some_key());
    std::string name = bucket;
    auto removed = co_await objects().remove_many(std::move(name), keys);
    step last = step::went_on;
    if (!removed) {
        for (const std::string& key : keys)
            last = settle(key, std::nullopt, removed.error());
        co_return last;
    }
    for (const delete_outcome& one : *removed) {
        result<void> outcome = ok();
        if (one.failure) outcome = *one.failure;
        if (settle(one.key, std::nullopt, outcome) == step::ended) last = step::ended;
    }
    co_return last;
}

task<client::step> client::copy() {
    const std::string from = some_key();
    const std::string to = some_key();
    if (from == to) co_return step::went_on;
    auto source = co_await read(from);
    if (!source) co_return step::ended;
    copy_request request;
    request.source_bucket = bucket;
    request.source_key = from;
    request.bucket = bucket;
    request.key = to;
    auto copied = co_await objects().copy(std::move(request));
    result<void> outcome = ok();
    if (!copied) outcome = copied.error();
    if (copied && !*source) violate("a key that is not there was copied: " + from);
    if (copied.is(errc::key_not_found) && *source)
        violate("a key that is there was not found by a copy: " + from);
    co_return settle(to, *source, outcome);
}

task<result<void>> client::store_part(part_request request, content what, std::string& etag) {
    const std::string bytes = what.bytes();
    TC_CO_TRY_ASSIGN(writer, co_await objects().begin_part(std::move(request)));
    if (!bytes.empty()) {
        buffer piece = world_.env().buffers.allocate(bytes.size());
        std::memcpy(piece.data(), bytes.data(), bytes.size());
        TC_CO_TRY(co_await writer->write(std::move(piece)));
    }
    auto stored = co_await writer->commit();
    if (!stored) co_return std::move(stored).error();
    etag = stored->etag;
    co_return ok();
}

task<client::step> client::multipart() {
    const std::string key = some_key();
    upload_request beginning;
    beginning.bucket = bucket;
    beginning.key = key;
    auto upload = co_await objects().create_upload(std::move(beginning));
    if (!upload) co_return refused(upload.error()) ? step::went_on : step::ended;
    const content what = new_content(random().one_in(2));
    std::string etag;
    for (int tries = random().one_in(3) ? 2 : 1; tries > 0; --tries) {
        // A part that is sent again replaces the former.
        part_request part;
        part.bucket = bucket;
        part.key = key;
        part.upload_id = upload->upload_id;
        part.number = 3;
        auto stored = co_await store_part(std::move(part), what, etag);
        if (!stored) co_return refused(stored.error()) ? step::went_on : step::ended;
    }
    if (random().one_in(4)) {
        std::string name = bucket;
        auto aborted = co_await objects().abort_upload(std::move(name), key, upload->upload_id);
        co_return aborted ? step::went_on : step::ended;
    }
    std::vector<completed_part> parts(1);
    parts[0].number = 3;
    parts[0].etag = etag;
    std::string name = bucket;
    conditions when;
    auto completed = co_await objects().complete_upload(std::move(name), key, upload->upload_id,
                                                        std::move(parts), std::move(when));
    result<void> outcome = ok();
    if (!completed) outcome = completed.error();
    co_return settle(key, what, outcome);
}

task<result<std::string>> client::read_bytes(open_request request) {
    TC_CO_TRY_ASSIGN(reader, co_await objects().open(std::move(request)));
    std::string bytes;
    for (;;) {
        TC_CO_TRY_ASSIGN(piece, co_await reader->next());
        if (piece.empty()) break;
        bytes.append(as_text(piece.view()));
    }
    if (bytes.size() != reader->length())
        co_return error(errc::corrupt, "a reader gave more or less than it announced");
    co_return bytes;
}

/// Reads a key, holds it against the model, and settles it.
task<result<presence>> client::read(std::string key) {
    open_request request;
    request.bucket = bucket;
    request.key = key;
    auto bytes = co_await read_bytes(std::move(request));
    ++counted_.reads;
    if (!bytes) {
        if (!bytes.is(errc::key_not_found)) {
            read_failed("reading " + key, bytes.error());
            co_return std::move(bytes).error();
        }
        if (!model_.allows(key, std::nullopt)) violate("acknowledged, and gone: " + key);
        model_.settle(key, std::nullopt);
        co_return presence();
    }
    for (const presence& state : model_.allowed(key)) {
        if (!state || state->length != bytes->size() || state->bytes() != *bytes) continue;
        model_.settle(key, state);
        co_return state;
    }
    violate("a read gave " + std::to_string(bytes->size()) +
            " bytes that were never the content of " + key);
    co_return error(errc::corrupt, "wrong bytes");
}

task<client::step> client::get() {
    auto seen = co_await read(some_key());
    co_return seen ? step::went_on : step::ended;
}

task<client::step> client::get_range() {
    const std::string key = some_key();
    auto whole = co_await read(key);
    if (!whole) co_return step::ended;
    if (!*whole || (*whole)->length == 0) co_return step::went_on;
    const std::uint64_t first = random().below((*whole)->length);
    const std::uint64_t last = first + random().below((*whole)->length - first + 10);
    open_request request;
    request.bucket = bucket;
    request.key = key;
    request.range = range_request{first, last};
    auto bytes = co_await read_bytes(std::move(request));
    if (!bytes) {
        read_failed("reading a range of " + key, bytes.error());
        co_return step::ended;
    }
    if (*bytes != (*whole)->bytes().substr(first, last - first + 1))
        violate("a range gave other bytes than the whole: " + key);
    co_return step::went_on;
}

task<client::step> client::list() {
    list_request request;
    request.prefix = prefix_;
    request.keys_max = 1 + random().below(10);
    std::set<std::string> listed;
    for (;;) {
        std::string name = bucket;
        auto page = co_await objects().list(std::move(name), request);
        if (!page) {
            read_failed("listing " + prefix_, page.error());
            co_return step::ended;
        }
        for (const list_page::entry& entry : page->entries) {
            if (!request.start_after.empty() && entry.key <= request.start_after)
                violate("a listing went back: " + entry.key);
            if (!listed.insert(entry.key).second) violate("a key was listed twice: " + entry.key);
            request.start_after = entry.key;
        }
        if (!page->truncated) break;
        if (page->entries.empty()) {
            violate("a truncated page without entries");
            break;
        }
    }
    for (const std::string& key : model_.keys_under(prefix_)) {
        const bool seen = listed.contains(key);
        if (seen && model_.certainly_absent(key)) violate("a deleted key was listed: " + key);
        if (!seen && model_.certainly_there(key))
            violate("an acknowledged key was not listed: " + key);
    }
    co_return step::went_on;
}

task<client::step> client::one() {
    const std::uint64_t dice = random().below(100);
    if (dice < 34) co_return co_await put(false);
    if (dice < 40) co_return co_await put(true);
    if (dice < 46) co_return co_await put_conditional();
    if (dice < 56) co_return co_await remove();
    if (dice < 58) co_return co_await remove_many();
    if (dice < 64) co_return co_await copy();
    if (dice < 69) co_return co_await multipart();
    if (dice < 88) co_return co_await get();
    if (dice < 94) co_return co_await get_range();
    co_return co_await list();
}

task<void> client::run(std::uint64_t& left) {
    while (left > 0 && counted_.violation.empty()) {
        --left;
        ++counted_.operations;
        const step how = co_await one();
        // After an unknown outcome this client says no more: the power may be off.
        if (how == step::ended) co_return;
    }
}

task<void> client::verify_all() {
    for (const std::string& key : model_.keys_under(prefix_)) {
        auto seen = co_await read(key);
        if (!seen) violate("after recovery " + key + " cannot be read: " + seen.error().message);
    }
    const step listed = co_await list();
    if (listed == step::ended) violate("after recovery the bucket cannot be listed");
}

}  // namespace taicang::sim
