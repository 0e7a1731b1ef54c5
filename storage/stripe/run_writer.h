// Writes runs to groups and makes them durable.
// Threads: the shard's executor; encoding of large runs runs on env.compute. Lifetime: borrows all
// it is given. Crash order: all k+m chunk writes complete -> write() returns -> make_durable():
// flush issued on every device -> all flushes answered and no device of the group was lost ->
// make_durable() returns -> the caller's record names the pieces. A crash before that record leaves
// bytes that nothing names, in groups that are sealed at the next start.
#pragma once

#include <vector>

#include "storage/io/environment.h"
#include "storage/stripe/group_table.h"
#include "storage/stripe/run_encoder.h"
#include "storage/stripe/run_reader.h"

namespace taicang {

class run_writer {
  public:
    using written = stripe_store::written;

    run_writer(environment& env, device_set& devices, group_table& groups, run_reader& reader,
               stripe_counters& counters)
        : env_(env), devices_(devices), groups_(groups), reader_(reader), counters_(counters) {}

    task<result<written>> write(run_request request);
    task<result<void>> make_durable(std::vector<written>& pieces);

  private:
    task<result<void>> write_chunks(const write_slot& slot, std::shared_ptr<encoded_run> run);
    task<encoded_run> encode(const write_slot& slot, const run_request& request);
    task<result<void>> rewrite_damaged(std::vector<written>& pieces);
    task<result<void>> rewrite_run(std::vector<written>& pieces, written damaged);
    task<result<bool>> flush_devices(const std::vector<written>& pieces);
    [[nodiscard]] bool is_whole(const written& one) const;

    environment& env_;
    device_set& devices_;
    group_table& groups_;
    run_reader& reader_;
    stripe_counters& counters_;
};

}  // namespace taicang
