// Clients of the simulated hub: random operations against the model. Each client owns its keys, so
// that what it knows of them is exact; a few shared keys are written by all and may be any of the
// concurrent contents. Threads: one. Lifetime: a client lives for one life of the hub; model and
// counters outlive it.
#pragma once

#include <cstdint>
#include <string>

#include "storage/base/async.h"
#include "tests/sim/contents_model.h"
#include "tests/sim/sim_world.h"

namespace taicang::sim {

struct tally {
    std::uint64_t operations = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t unknown = 0;
    std::uint64_t reads = 0;
    std::string violation;  ///< the first, as a sentence; empty: none
};

class client {
  public:
    client(sim_world& world, contents_model& model, tally& counted, unsigned number)
        : world_(world),
          model_(model),
          counted_(counted),
          prefix_("c" + std::to_string(number) + "/") {}
    /// Runs operations until `left` of them are used up, the power is cut or a violation is found.
    task<void> run(std::uint64_t& left);
    /// Reads every key of the model under this client's prefix and lists them.
    task<void> verify_all();

    static constexpr const char* bucket = "sim-bucket";

  private:
    enum class step { went_on, ended };
    task<step> one();
    task<step> put(bool large);
    task<step> put_conditional();
    task<step> remove();
    task<step> remove_many();
    task<step> copy();
    task<step> multipart();
    task<step> get();
    task<step> get_range();
    task<step> list();
    task<result<presence>> read(std::string key);
    task<result<std::string>> read_bytes(open_request request);
    step settle(const std::string& key, presence wanted, const result<void>& outcome);
    void violate(std::string sentence);
    void read_failed(const std::string& what, const error& why);
    [[nodiscard]] std::string some_key();
    [[nodiscard]] content new_content(bool large);
    [[nodiscard]] random_source& random() { return world_.world().random(); }
    object_service& objects() { return world_.running().objects(); }
    task<result<void>> store(put_request request, content what);
    task<result<void>> store_part(part_request request, content what, std::string& etag);

    sim_world& world_;
    contents_model& model_;
    tally& counted_;
    const std::string prefix_;
};

}  // namespace taicang::sim
