#include "tests/unit/storage/journal/journal_world.h"

#include "storage/base/log.h"

namespace taicang::test {

record_draft draft_of(const model_record& record) {
    record_draft draft;
    draft.kind = record.kind;
    draft.clock = hybrid_clock(record.clock);
    draft.origin = hub_id(3);
    draft.set = set_id(7);
    draft.set_sequence = record.set_sequence;
    draft.body = record.body;
    auto owner = std::make_shared<std::string>(record.payload);
    draft.payload = as_bytes(*owner);
    if (!record.payload.empty()) draft.payload_digest = sha256(draft.payload);
    draft.payload_owner = std::move(owner);
    return draft;
}

bool equals(const model_record& expected, const journal_record& found) {
    return found.header.kind == expected.kind && found.header.clock.value == expected.clock &&
           found.header.origin == hub_id(3) && found.header.set == set_id(7) &&
           found.header.set_sequence == expected.set_sequence && found.body == expected.body &&
           found.payload == expected.payload;
}

model_record random_record(random_source& chance, std::size_t payload_max) {
    model_record record;
    record.kind = chance.one_in(4) ? record_kind::job : record_kind::mutation;
    record.clock = chance.next();
    record.set_sequence = chance.next();
    record.body.resize(chance.below(400));
    chance.fill({reinterpret_cast<std::byte*>(record.body.data()), record.body.size()});
    if (!chance.one_in(3)) record.payload.resize(chance.below(payload_max + 1));
    chance.fill({reinterpret_cast<std::byte*>(record.payload.data()), record.payload.size()});
    return record;
}

task<result<void>> journal_world::open_all(hub_under_test& hub, journal_options options) {
    auto set = co_await hub.open(env);
    if (!set) co_return std::move(set).error();
    devices = std::move(*set);
    auto opened = co_await journal::open(env, *devices, options);
    if (!opened) co_return std::move(opened).error();
    log = std::move(*opened);
    co_return ok();
}

result<void> journal_world::open(hub_under_test& hub, journal_options options) {
    set_log_level(std::getenv("TAICANG_SEED") != nullptr ? log_level::info
                                                         : static_cast<log_level>(99));
    options.tier = hub.tier();
    failure.reset();
    auto opened = run(open_all(hub, options));
    if (!opened) return opened;
    log->on_durable([this](lsn last) {
        EXPECT_GT(last, model.acknowledged) << "durable callbacks go forward";
        EXPECT_LE(last, model.last()) << "only what was appended becomes durable";
        EXPECT_FALSE(failure) << "nothing is acknowledged after a failure was told";
        model.acknowledged = last;
    });
    log->on_failure([this](const error& why) {
        ++failures_told;
        failure = why;
    });
    return ok();
}

task<result<void>> journal_world::stop_all() {
    if (log != nullptr) co_await log->stop();
    if (devices != nullptr) co_await devices->stop();
    co_return ok();
}

void journal_world::close() {
    (void)run(stop_all());
    log.reset();
    devices.reset();
}

void journal_world::crash(hub_under_test& hub) {
    hub.crash();
    // A flush that completed before the cut may still be acknowledged while the old world unwinds.
    close();
}

lsn journal_world::append(model_record record) {
    const lsn position = log->append(draft_of(record));
    EXPECT_EQ(position.value, model.last().value + 1) << "LSNs are dense";
    model.records.push_back(std::move(record));
    return position;
}

task<result<void>> journal_world::wait_durable() {
    while (log->last_durable() < log->last_appended() && !failure) {
        co_await sleep_for(50 * one_microsecond);
    }
    co_return ok();
}

void journal_world::settle() {
    (void)run(wait_durable());
}

task<result<void>> journal_world::read_everything() {
    lsn at = log->first_retained();
    EXPECT_LE(at, std::max(model.released, lsn(1))) << "only what was released may be gone";
    while (at <= log->last_durable()) {
        auto read = co_await log->read_from(at, 64 * 1024, true);
        if (!read) co_return std::move(read).error();
        if (read->empty())
            co_return error(errc::not_found, "nothing at " + std::to_string(at.value));
        for (const journal_record& record : *read) {
            EXPECT_EQ(record.header.position, at) << "records come in order without gaps";
            EXPECT_TRUE(equals(model.at(at), record)) << "record " << at.value;
            if (!equals(model.at(at), record)) {
                co_return error(errc::corrupt, "record " + std::to_string(at.value) + " differs");
            }
            ++at.value;
        }
    }
    co_return ok();
}

void journal_world::verify_all() {
    ASSERT_GE(log->last_durable(), model.acknowledged) << "an acknowledged record is gone";
    ASSERT_LE(log->last_durable(), model.last()) << "a record appeared that nobody appended";
    const auto read = run(read_everything());
    ASSERT_TRUE(read.ok()) << read.error().message;
    // Recovery has decided: what it kept is there for ever, what it dropped never comes back.
    while (model.last() > log->last_durable())
        model.records.pop_back();
    model.acknowledged = log->last_durable();
}

std::vector<std::uint64_t> seeds(std::uint64_t first, std::uint64_t count) {
    if (const char* one = std::getenv("TAICANG_SEED")) return {std::strtoull(one, nullptr, 10)};
    if (std::getenv("TAICANG_LONG") != nullptr) count *= 20;
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 0; i < count; ++i)
        out.push_back(first + i);
    return out;
}

std::string replay_command(std::uint64_t seed) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    return "replay: TAICANG_SEED=" + std::to_string(seed) +
           " tests/bin/test_journal --gtest_filter=" + test->test_suite_name() + "." + test->name();
}

}  // namespace taicang::test
