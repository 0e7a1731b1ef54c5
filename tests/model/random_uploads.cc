// The multipart half of the random operations. Uploads live across restarts: parts that were
// acknowledged must still be there, and complete.
#include <algorithm>
#include <cstring>

#include "storage/base/limits.h"
#include "storage/object/checksums.h"
#include "tests/model/random_ops.h"

namespace taicang::model {

task<void> random_ops::upload_step(life_ptr at) {
    std::vector<upload_ptr> usable;
    for (const upload_ptr& upload : uploads_)
        if (!upload->ending) usable.push_back(upload);
    if (usable.empty() || (uploads_.size() < options_.uploads_max && random_->one_in(4))) {
        co_await begin_upload(at);
        co_return;
    }
    upload_ptr upload = usable[random_->below(usable.size())];
    const bool quiet = upload->sending == 0;
    if (quiet && upload->parts.size() >= 2 && random_->one_in(4)) {
        co_await complete(at, std::move(upload));
    } else if (quiet && random_->one_in(15)) {
        co_await abort(at, std::move(upload));
    } else if (quiet && random_->one_in(6)) {
        co_await check_parts(at, std::move(upload));
    } else {
        co_await send_part(at, std::move(upload));
    }
}

task<void> random_ops::begin_upload(life_ptr at) {
    auto upload = std::make_shared<open_upload>();
    upload->of = any_name();
    upload->operation = ++operations_;
    upload_request request;
    request.bucket = upload->of.bucket;
    request.key = upload->of.key;
    request.attributes = attributes(upload->operation);
    auto made = co_await at->objects.create_upload(std::move(request));
    if (!made) {
        static_cast<void>(judge(*at, made.error()));
        co_return;
    }
    if (at->cut) co_return;
    upload->id = made->upload_id;
    uploads_.push_back(std::move(upload));
}

task<void> random_ops::send_part(life_ptr at, upload_ptr upload) {
    const auto number = static_cast<std::uint32_t>(1 + random_->below(5));
    const std::size_t size =
        random_->one_in(4) ? any_size()
                           : options_.part_bytes_min + random_->below(options_.part_bytes_min);
    auto bytes = any_bytes(size);
    sent_part part{etag_of(*bytes), bytes, false};
    part_request request;
    request.bucket = upload->of.bucket;
    request.key = upload->of.key;
    request.upload_id = upload->id;
    request.number = number;
    // Two sendings of one number at once leave either: such a part is not counted on.
    const bool alone = upload->sending_of[number]++ == 0;
    upload->parts[number] = part;
    ++upload->sending;
    auto writer = co_await at->objects.begin_part(std::move(request));
    std::optional<error> failed;
    if (!writer) {
        failed = std::move(writer).error();
    } else {
        for (std::size_t from = 0; from < bytes->size() && !failed; from += 150'000) {
            const std::string_view some = std::string_view(*bytes).substr(from, 150'000);
            buffer copy = at->env.buffers.allocate(some.size());
            std::memcpy(copy.data(), some.data(), some.size());
            auto taken = co_await (*writer)->write(std::move(copy));
            if (!taken) failed = std::move(taken).error();
        }
        if (!failed) {
            auto done = co_await (*writer)->commit();
            if (!done) {
                failed = std::move(done).error();
            } else if (done->etag != part.etag && !at->cut) {
                model_.violate("a part answered with a wrong ETag");
            }
        }
    }
    if (at->cut) co_return;
    --upload->sending;
    --upload->sending_of[number];
    if (failed) {
        static_cast<void>(judge(*at, *failed));
        upload->parts[number].sure = false;
        co_return;
    }
    sent_part& kept = upload->parts[number];
    kept.sure = alone && kept.etag == part.etag;
}

task<void> random_ops::check_parts(life_ptr at, upload_ptr upload) {
    ++upload->sending;
    auto page =
        co_await at->objects.list_parts(upload->of.bucket, upload->of.key, upload->id, 0, 1000);
    if (at->cut) co_return;
    --upload->sending;
    if (!page) {
        failed_read(*at, upload->of, page.error());
        co_return;
    }
    for (const auto& [number, part] : upload->parts) {
        if (!part.sure) continue;
        const std::uint32_t wanted = number;
        const auto found =
            std::find_if(page->parts.begin(), page->parts.end(),
                         [wanted](const part_row& row) { return row.number == wanted; });
        if (found == page->parts.end() || found->etag != part.etag ||
            found->size != part.bytes->size())
            model_.violate(upload->of.key + ": acknowledged part " + std::to_string(number) +
                           " is missing or another");
    }
}

task<void> random_ops::complete(life_ptr at, upload_ptr upload) {
    std::vector<completed_part> parts;
    std::vector<std::string> etags;
    auto whole = std::make_shared<std::string>();
    bool too_small = false;
    for (const auto& [number, part] : upload->parts) {
        if (!part.sure) continue;
        if (!parts.empty())
            too_small = too_small || upload->parts.at(parts.back().number).bytes->size() <
                                         options_.part_bytes_min;
        parts.push_back(completed_part{number, part.etag, std::nullopt});
        etags.push_back(part.etag);
        *whole += *part.bytes;
    }
    if (parts.empty()) co_return;
    upload->ending = true;
    const std::string etag = multipart_etag(etags);
    model_.know(etag, whole);
    // Into another tier it is copied by its bytes, which have an ETag of their own.
    model_.know(etag_of(*whole), whole);
    const auto handle = model_.call_put(upload->of, upload->operation, etag, std::nullopt);
    auto done = co_await at->objects.complete_upload(upload->of.bucket, upload->of.key, upload->id,
                                                     std::move(parts), {});
    if (at->cut) co_return;
    if (done) {
        model_.answer(handle, outcome::acknowledged);
        if (too_small) model_.violate(upload->of.key + ": completed with a part that is too small");
        if (done->version.etag != etag)
            model_.violate(upload->of.key + ": a completion answered with a wrong ETag");
    } else if (done.is(errc::part_too_small) && too_small) {
        model_.answer(handle, outcome::refused);
        upload->ending = false;
        upload->parts.clear();
        co_return;
    } else {
        const outcome how = judge(*at, done.error());
        model_.answer(handle, how);
        if (done.is(errc::invalid_part) || done.is(errc::upload_not_found))
            model_.violate(upload->of.key + ": a completion with acknowledged parts was refused: " +
                           done.error().message);
        if (how == outcome::refused) {
            upload->ending = false;
            co_return;
        }
    }
    std::erase(uploads_, upload);
}

task<void> random_ops::abort(life_ptr at, upload_ptr upload) {
    upload->ending = true;
    auto done = co_await at->objects.abort_upload(upload->of.bucket, upload->of.key, upload->id);
    if (at->cut) co_return;
    if (!done) static_cast<void>(judge(*at, done.error()));
    if (done.is(errc::upload_not_found))
        model_.violate(upload->of.key + ": an upload in progress is not there");
    std::erase(uploads_, upload);
}

task<bool> random_ops::abort_all(life_ptr at, std::string bucket) {
    for (;;) {
        upload_list_request everything;
        auto page = co_await at->objects.list_uploads(bucket, std::move(everything));
        if (!page) co_return false;
        if (page->entries.empty()) co_return true;
        for (const auto& entry : page->entries) {
            auto done =
                co_await at->objects.abort_upload(bucket, entry.key, entry.upload.upload_id);
            if (!done) co_return false;
        }
    }
}

}  // namespace taicang::model
