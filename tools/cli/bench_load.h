// Loads of `taicang bench`: durable puts through the engine, and the raw mirrored group commit that
// they are held against. Threads: the shard's executor. Lifetime: borrows all it is given.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/io/environment.h"
#include "storage/object/object_service.h"

namespace taicang {

/// Bodies with their digests, made ahead on the compute threads, as the gateway's threads make them
/// of small bodies: what is measured is the engine. Every body is another one.
class body_source {
  public:
    struct prepared {
        buffer bytes;
        content_digests digests;
    };
    body_source(environment& env, std::size_t body_bytes, unsigned in_flight)
        : env_(env), body_bytes_(body_bytes), ahead_(2 * std::size_t{in_flight}) {}
    task<prepared> next();
    /// Gives up what was made ahead: no buffer may outlive the engine.
    task<void> stop();

  private:
    static std::vector<prepared> make(environment& env, std::size_t bytes, std::uint64_t first,
                                      std::size_t count);
    task<void> refill();
    environment& env_;
    const std::size_t body_bytes_;
    const std::size_t ahead_;  ///< bodies ready or being made
    std::deque<prepared> ready_;
    std::size_t coming_ = 0;
    std::uint64_t made_ = 0;
    event arrived_;
    gate gate_;
};

class put_load {
  public:
    put_load(object_service& objects, environment& env, std::size_t object_bytes,
             unsigned in_flight)
        : objects_(objects),
          env_(env),
          bodies_(env, object_bytes, in_flight),
          in_flight_(in_flight) {}
    task<result<void>> prepare();
    /// Keeps `in_flight` puts going for `span`.
    task<result<void>> run_for(nanoseconds span);
    /// Once, after the last run.
    task<void> stop() { return bodies_.stop(); }
    [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

  private:
    task<result<void>> client(nanoseconds until);
    object_service& objects_;
    environment& env_;
    body_source bodies_;
    unsigned in_flight_;
    std::uint64_t next_ = 0;
    std::uint64_t done_ = 0;
};

/// The same bytes written to m+1 pre-written files and flushed, batch after batch, with nothing
/// else around it.
class raw_commit_load {
  public:
    raw_commit_load(environment& env, std::string directory, unsigned copies,
                    std::size_t object_bytes, unsigned per_batch)
        : env_(env),
          directory_(std::move(directory)),
          copies_(copies),
          batch_bytes_(object_bytes * per_batch),
          per_batch_(per_batch) {}
    task<result<void>> prepare();
    task<result<void>> run_for(nanoseconds span);
    task<result<void>> remove();
    [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

  private:
    task<result<void>> write_and_flush(disk_file& file, std::uint64_t offset, bytes_view bytes);
    environment& env_;
    std::string directory_;
    unsigned copies_;
    std::size_t batch_bytes_;
    unsigned per_batch_;
    std::vector<std::unique_ptr<disk_file>> files_;
    std::uint64_t done_ = 0;
};

}  // namespace taicang
