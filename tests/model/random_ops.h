// Random operations on an object service, by several clients at once, recorded in the model. One
// instance lives through many lives of a hub: run(), crash (cut()), start, verify(), run() again.
// Everything follows from the seed and the order in which the simulation runs things. Threads: one
// executor. Lifetime: outlives the services it was given; after cut() what is still under way
// neither judges nor is judged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/base/random.h"
#include "storage/io/environment.h"
#include "storage/object/object_service.h"
#include "tests/model/object_model.h"

namespace taicang::model {

struct random_options {
    std::size_t clients = 8;
    std::size_t keys = 40;                     ///< names used, in each of two buckets
    std::size_t body_bytes_max = 900'000;      ///< of the rare large ones
    std::uint64_t part_bytes_min = 64 * 1024;  ///< as in the service's options
    std::size_t uploads_max = 6;
    bool reads_must_succeed = true;  ///< while no more is broken than may be
};

class random_ops {
  public:
    random_ops(std::uint64_t seed, object_model& model, random_options options);
    ~random_ops();
    random_ops(const random_ops&) = delete;
    random_ops& operator=(const random_ops&) = delete;

    /// Makes what the operations need; once, in the first life.
    task<result<void>> prepare(object_service& objects);
    /// About `operations` operations; returns when they are done or after cut().
    task<bool> run(object_service& objects, environment& env, std::uint64_t operations);
    /// The power went: call at the crash. Answers that still come are not believed.
    void cut();
    /// After a restart, with nothing else running: every key, every listing, every upload.
    task<bool> verify(object_service& objects, environment& env);
    /// Deletes everything, so that no live byte may be left.
    task<bool> clear(object_service& objects, environment& env);

    /// Errors other than what the operations asked for, by number.
    [[nodiscard]] const std::map<errc, std::uint64_t>& failures() const { return failures_; }
    [[nodiscard]] std::uint64_t done() const { return done_; }

  private:
    /// One life of a hub, as its clients know it.
    struct life {
        object_service& objects;
        environment& env;
        bool cut = false;
        std::uint64_t left = 0;
    };
    using life_ptr = std::shared_ptr<life>;

    struct sent_part {
        std::string etag;
        std::shared_ptr<const std::string> bytes;
        bool sure = false;
    };
    struct open_upload {
        name of;
        std::string id;
        std::uint64_t operation = 0;
        std::map<std::uint32_t, sent_part> parts;
        std::size_t sending = 0;  ///< calls under way
        std::map<std::uint32_t, std::size_t> sending_of;
        bool ending = false;
    };
    using upload_ptr = std::shared_ptr<open_upload>;

    // random_ops.cc
    task<void> client(life_ptr at);
    task<void> one(life_ptr at);
    task<void> put(life_ptr at);
    task<void> put_if(life_ptr at);
    task<result<put_result>> send(life_ptr at, put_request request,
                                  std::shared_ptr<const std::string> bytes, std::size_t step);
    task<void> remove(life_ptr at);
    task<void> remove_many(life_ptr at);
    task<void> copy(life_ptr at);
    task<bool> clear_temporary(object_service& objects);
    task<void> bucket_life(life_ptr at);
    // random_reads.cc
    task<void> get(life_ptr at, name of, bool whole);
    task<void> check_body(life_ptr at, name of, object_reader& reader);
    task<void> list(life_ptr at, std::string bucket, list_request request);
    void judge_page(const std::string& bucket, const list_request& request, const list_page& page,
                    moment called);
    // random_uploads.cc
    task<void> upload_step(life_ptr at);
    task<void> begin_upload(life_ptr at);
    task<void> send_part(life_ptr at, upload_ptr upload);
    task<void> complete(life_ptr at, upload_ptr upload);
    task<void> abort(life_ptr at, upload_ptr upload);
    task<void> check_parts(life_ptr at, upload_ptr upload);
    task<bool> abort_all(life_ptr at, std::string bucket);

    [[nodiscard]] name any_name();
    [[nodiscard]] std::string any_bucket();
    [[nodiscard]] std::size_t any_size();
    [[nodiscard]] std::shared_ptr<const std::string> any_bytes(std::size_t size);
    [[nodiscard]] put_attributes attributes(std::uint64_t operation);
    [[nodiscard]] static std::string etag_of(const std::string& bytes);
    /// How an error leaves a change.
    [[nodiscard]] outcome judge(const life& at, const error& why);
    void failed_read(const life& at, const name& of, const error& why);

    object_model& model_;
    const random_options options_;
    std::unique_ptr<random_source> random_;
    std::vector<std::string> keys_;
    std::uint64_t operations_ = 0;
    std::uint64_t done_ = 0;
    std::map<errc, std::uint64_t> failures_;
    std::vector<upload_ptr> uploads_;
    life_ptr living_;
};

}  // namespace taicang::model
