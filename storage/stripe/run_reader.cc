#include "storage/stripe/run_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "storage/base/canary.h"
#include "storage/base/digest.h"
#include "storage/base/mark.h"
#include "storage/base/when_all.h"

namespace taicang {

namespace {

constexpr std::uint32_t block = limits::block_bytes;

constexpr erasure::chunk_mask bit(std::size_t chunk) noexcept {
    return erasure::chunk_mask{1} << chunk;
}

erasure::chunk_mask needed_columns(const run_span& span, unsigned k) noexcept {
    erasure::chunk_mask mask = 0;
    for (unsigned column = 0; column < k; ++column) {
        if (!span.blocks_of(column).empty()) mask |= bit(column);
    }
    return mask;
}

std::string place_text(const stripe_group& group, std::uint32_t run_block) {
    return "group " + std::to_string(group.row.id.value) + ", run at block " +
           std::to_string(run_block);
}

}  // namespace

result<void> run_reader::admit(stripe_group& group, const piece& where, std::uint32_t offset,
                               std::size_t length) {
    // Rows come from an index that verifies itself; this keeps a wrong one from looking like bad
    // devices.
    const std::uint64_t end = std::uint64_t{where.skip} + where.length;
    const bool sane = where.length != 0 && where.unit_blocks != 0 && length <= where.length &&
                      offset <= where.length - length &&
                      end <= limits::run_data_blocks_max * limits::block_bytes;
    if (sane) {
        const run_span all(group.row.k, where.unit_blocks * block, where.skip, end);
        const std::uint64_t blocks = std::uint64_t{where.run_block} + 1 + all.blocks_of_all().high;
        const std::uint32_t room = loader_.room_blocks(group);
        if (room == 0 || blocks <= room) {
            ++counters_.reads;
            auto& of_tier = counters_.of(group.row.tier);
            of_tier.reads.add();
            of_tier.read_bytes.add(length);
            return ok();
        }
    }
    return error(errc::invalid_argument,
                 place_text(group, where.run_block) +
                     ": the piece lies outside of its run or chunk; the row "
                     "that names it is wrong, run `taicang fsck`");
}

task<result<void>> run_reader::read(std::shared_ptr<stripe_group> group, piece where,
                                    std::uint32_t offset, bytes_span into) {
    if (into.empty()) co_return ok();
    TC_CO_TRY(admit(*group, where, offset, into.size()));
    const bool covers = into.size() == where.length;
    target wanted{.group = group,
                  .run_block = where.run_block,
                  .unit_bytes = where.unit_blocks * block,
                  .first = where.skip,
                  .last = std::uint64_t{where.skip} + where.length,
                  .crc = where.crc};
    if (wanted.span().in_one_unit() &&
        (covers || where.length <= limits::whole_piece_read_bytes_max)) {
        auto done = co_await read_in_one_unit(std::move(wanted), offset, into);
        co_return done;
    }
    if (!covers) {
        wanted.first += offset;
        wanted.last = wanted.first + into.size();
        wanted.crc.reset();
    }
    auto done = co_await read_span(std::move(wanted), into, 0);
    co_return done;
}

task<result<void>> run_reader::read_unchecked(std::shared_ptr<stripe_group> group, piece where,
                                              std::uint32_t offset, bytes_span into) {
    if (into.empty()) co_return ok();
    TC_CO_TRY(admit(*group, where, offset, into.size()));
    const std::uint64_t first = std::uint64_t{where.skip} + offset;
    target wanted{.group = std::move(group),
                  .run_block = where.run_block,
                  .unit_bytes = where.unit_blocks * block,
                  .first = first,
                  .last = first + into.size(),
                  .crc = std::nullopt};
    auto done = co_await read_span(std::move(wanted), into, 0);
    co_return done;
}

task<result<void>> run_reader::read_in_one_unit(target whole, std::uint32_t offset,
                                                bytes_span into) {
    const run_span span = whole.span();
    const unsigned column = span.first_column();
    const block_range range = span.blocks_of(column);
    erasure::chunk_mask bad = 0;
    {
        auto slice = co_await loader_.load_bare(whole.group, whole.run_block, column, range);
        if (slice.fault == chunk_fault::none) {
            // The span stands in one unit and blocks divide units: its place in its first block
            // tells all.
            const bytes_view bytes(slice.data() + whole.first % block, whole.last - whole.first);
            if (matches(whole, bytes)) {
                std::memcpy(into.data(), bytes.data() + offset, into.size());
                co_return ok();
            }
        } else {
            bad = bit(column);
        }
    }
    // Whether the chunk is wrong or the piece is, the run's own checksums tell.
    if (into.size() == whole.last - whole.first) {
        auto done = co_await read_span(std::move(whole), into, bad);
        co_return done;
    }
    buffer all = env_.buffers.allocate(whole.last - whole.first);
    TC_CO_TRY(co_await read_span(std::move(whole), all.span(), bad));
    std::memcpy(into.data(), all.data() + offset, into.size());
    co_return ok();
}

bool run_reader::any_column_away(const target& wanted) const {
    const run_span span = wanted.span();
    for (unsigned column = 0; column < wanted.group->row.k; ++column) {
        if (span.blocks_of(column).empty()) continue;
        if (loader_.is_away(*wanted.group, column)) return true;
    }
    return false;
}

task<result<void>> run_reader::read_span(target wanted, bytes_span into, erasure::chunk_mask bad) {
    slices have(wanted.group->code->n());
    if (bad == 0 && !any_column_away(wanted)) {
        const run_span span = wanted.span();
        std::vector<task<chunk_slice>> loads;
        for (unsigned column = 0; column < wanted.group->row.k; ++column) {
            const block_range range = span.blocks_of(column);
            if (range.empty()) continue;
            loads.push_back(loader_.load(wanted.group, wanted.run_block, column, range));
        }
        auto loaded = co_await when_all(std::move(loads));
        for (chunk_slice& slice : loaded) {
            if (slice.fault != chunk_fault::none) bad |= bit(slice.chunk);
            const unsigned chunk = slice.chunk;
            have[chunk] = std::move(slice);
        }
        if (bad == 0) {
            span.each_stretch(
                [&](unsigned column, std::uint64_t at, std::uint64_t to, std::uint64_t count) {
                    const chunk_slice& slice = *have[column];
                    const std::uint64_t from = at - std::uint64_t{slice.range.low} * block;
                    std::memcpy(into.data() + to, slice.data() + from, count);
                });
            if (matches(wanted, into)) co_return ok();
        }
        // Decoding needs the same blocks of every chunk; a column that was read in part is read
        // again.
        const block_range all = span.blocks_of_all();
        for (auto& slice : have) {
            if (slice && slice->fault == chunk_fault::none && slice->range != all) slice.reset();
        }
    }
    auto done = co_await reconstruct(std::move(wanted), into, bad, std::move(have));
    co_return done;
}

task<result<void>> run_reader::reconstruct(target wanted, bytes_span into, erasure::chunk_mask bad,
                                           slices have) {
    TC_MARK("stripe.degraded_read");
    ++counters_.degraded_reads;
    counters_.of(wanted.group->row.tier).degraded_reads.add();
    const run_span span = wanted.span();
    const block_range range = span.blocks_of_all();
    TC_CO_TRY(co_await gather(wanted, range, bad, have));
    if (decode(wanted, range, bad, have, into)) co_return ok();
    // Every chunk agrees with its header, yet the piece does not: one of them may be consistently
    // wrong.
    const erasure::chunk_mask needed = needed_columns(span, wanted.group->row.k) & ~bad;
    for (unsigned suspect = 0; suspect < wanted.group->row.k; ++suspect) {
        if ((needed & bit(suspect)) == 0) continue;
        erasure::chunk_mask excluded = bad | bit(suspect);
        const auto others = co_await gather(wanted, range, excluded, have);
        if (!others || !decode(wanted, range, excluded, have, into)) continue;
        TC_MARK("stripe.consistent_chunk_wrong");
        chunk_slice& slice = *have[suspect];
        slice.fault = chunk_fault::block;
        slice.why = "its blocks match its header, but not the piece's checksum";
        loader_.report(*wanted.group, slice);
        co_return ok();
    }
    co_return error(errc::stripe_unreadable,
                    place_text(*wanted.group, wanted.run_block) +
                        ": the chunks agree with their headers, but not with the checksum of the "
                        "piece; the row that names it or the run is wrong, run `taicang fsck`");
}

task<result<void>> run_reader::gather(target wanted, block_range range, erasure::chunk_mask& bad,
                                      slices& have) {
    const std::size_t k = wanted.group->row.k;
    for (;;) {
        std::size_t good = 0;
        std::vector<task<chunk_slice>> loads;
        for (unsigned chunk = 0; chunk < have.size(); ++chunk) {
            if ((bad & bit(chunk)) != 0) continue;
            if (have[chunk] && have[chunk]->fault == chunk_fault::none) ++good;
        }
        for (unsigned chunk = 0; chunk < have.size() && good + loads.size() < k; ++chunk) {
            if ((bad & bit(chunk)) != 0 || have[chunk]) continue;
            loads.push_back(loader_.load(wanted.group, wanted.run_block, chunk, range));
        }
        if (good >= k) co_return ok();
        if (loads.empty()) co_return unreadable(wanted, bad, have);
        auto loaded = co_await when_all(std::move(loads));
        for (chunk_slice& slice : loaded) {
            if (slice.fault != chunk_fault::none) bad |= bit(slice.chunk);
            const unsigned chunk = slice.chunk;
            have[chunk] = std::move(slice);
        }
    }
}

bool run_reader::decode(const target& wanted, block_range range, erasure::chunk_mask excluded,
                        const slices& have, bytes_span into) {
    const unsigned k = wanted.group->row.k;
    const run_span span = wanted.span();
    erasure::chunk_mask good = 0;
    for (std::size_t chunk = 0; chunk < have.size(); ++chunk) {
        if (have[chunk] && have[chunk]->fault == chunk_fault::none) good |= bit(chunk);
    }
    good &= ~excluded;
    const erasure::chunk_mask lost = needed_columns(span, k) & ~good;
    std::array<const std::byte*, limits::chunks_max> column_data{};
    for (unsigned column = 0; column < k; ++column) {
        if ((good & bit(column)) != 0) column_data[column] = have[column]->data();
    }
    const std::size_t bytes = std::size_t{range.count()} * block;
    std::vector<buffer> decoded;
    if (lost != 0) {
        const auto plan = plans_.get(*wanted.group->code, good, lost);
        TC_ASSERT(plan.ok());
        std::vector<const std::byte*> sources;
        for (const std::uint8_t chunk : plan.value()->sources())
            sources.push_back(have[chunk]->data());
        std::vector<std::byte*> outputs;
        for (const std::uint8_t chunk : plan.value()->outputs()) {
            buffer made = env_.buffers.allocate(bytes);
            outputs.push_back(made.data());
            column_data[chunk] = made.data();
            decoded.push_back(std::move(made));
        }
        const auto applied = plan.value()->apply(sources, outputs, bytes);
        TC_ASSERT(applied.ok());
    }
    span.each_stretch(
        [&](unsigned column, std::uint64_t at, std::uint64_t to, std::uint64_t count) {
            const std::uint64_t from = at - std::uint64_t{range.low} * block;
            TC_ASSERT(from + count <= bytes);
            std::memcpy(into.data() + to, column_data[column] + from, count);
        });
    return matches(wanted, into);
}

bool run_reader::matches(const target& wanted, bytes_view bytes) {
    if (!wanted.crc || canary::active(canary::bug::skip_checksum)) return true;
    return crc32c(bytes) == *wanted.crc;
}

error run_reader::unreadable(const target& wanted, erasure::chunk_mask bad, const slices& have) {
    const stripe_group& group = *wanted.group;
    std::string text = place_text(group, wanted.run_block) + ": " +
                       std::to_string(std::popcount(bad)) + " of " +
                       std::to_string(group.row.chunks.size()) +
                       " chunks are lost, the code bears " + std::to_string(group.row.m);
    for (unsigned chunk = 0; chunk < have.size(); ++chunk) {
        if ((bad & bit(chunk)) == 0) continue;
        text += "; chunk " + std::to_string(chunk) + " on " +
                group.row.chunks[chunk].device.text() + ": ";
        text += have[chunk] && !have[chunk]->why.empty() ? have[chunk]->why : "failed before";
    }
    return error(errc::stripe_unreadable, text + ". Bring devices back (`taicang device ls`)");
}

task<result<run_reader::whole_run>> run_reader::read_run(std::shared_ptr<stripe_group> group,
                                                         std::uint32_t run_block) {
    TC_CO_TRY_ASSIGN(header, co_await find_header(group, run_block));
    whole_run run{.header = header, .data = env_.buffers.allocate(header.data_length)};
    target all{.group = group,
               .run_block = run_block,
               .unit_bytes = header.unit_blocks * block,
               .first = 0,
               .last = header.data_length,
               .crc = std::nullopt};
    TC_CO_TRY(co_await read_span(std::move(all), run.data.span(), 0));
    co_return run;
}

task<result<run_format::run_header>> run_reader::find_header(std::shared_ptr<stripe_group> group,
                                                             std::uint32_t run_block) {
    unsigned silent = 0;
    std::string why;
    for (unsigned chunk = 0; chunk < group->row.chunks.size(); ++chunk) {
        auto slice = co_await loader_.probe(group, run_block, chunk);
        if (slice.fault == chunk_fault::none) co_return slice.header;
        if (slice.fault == chunk_fault::header) continue;
        ++silent;
        why = slice.why;
    }
    // A run that can still be read has k good chunks, each with its header: with at most m silent
    // one would have spoken.
    if (silent <= group->row.m) {
        co_return error(errc::not_found, place_text(*group, run_block) + ": no run stands there");
    }
    co_return error(errc::stripe_unreadable, place_text(*group, run_block) + ": " +
                                                 std::to_string(silent) +
                                                 " chunks do not answer, the last says: " + why);
}

task<result<std::uint32_t>> run_reader::find_next(std::shared_ptr<stripe_group> group,
                                                  std::uint32_t from, std::uint32_t room) {
    for (std::uint32_t at = from; at < room;) {
        const auto end = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(room, std::uint64_t{at} + limits::scan_blocks));
        std::uint32_t first = end;
        // A run that can still be read has at most m bad chunks: one of m+1 that answer shows it.
        unsigned answered = 0;
        for (unsigned chunk = 0; chunk < group->row.chunks.size() && answered <= group->row.m;
             ++chunk) {
            auto found = co_await loader_.scan(group, chunk, at, end);
            if (!found) continue;
            ++answered;
            first = std::min(first, found.value());
        }
        if (answered == 0) {
            co_return error(errc::stripe_unreadable,
                            place_text(*group, at) + ": no chunk of the group answers");
        }
        if (first != end) co_return first;
        at = end;
    }
    co_return room;
}

}  // namespace taicang
