// The storage half of a process: reactor, pools, seams and the hub on them. `serve` puts listeners
// before it; fsck and bench use it alone; `inspect` takes the seams without a hub to look at
// devices that no hub may be started on. Threads: start(), stop(), run() from a plain thread.
// Lifetime: everything inside is torn down by stop() in reverse.
#pragma once

#include <memory>

#include "storage/hub/hub.h"
#include "storage/io/reactor.h"
#include "tools/config/config.h"

namespace taicang {

struct engine_options {
    bool create = true;  ///< make a new hub when there is none
    bool jobs = true;
};

class engine {
  public:
    engine();
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// The data directory is made only with options.create.
    result<void> start(const configuration& wanted, engine_options options);
    /// Reactor, pools and seams alone, to look at a few blocks: touches no file and locks no
    /// memory. storage() is not to be called.
    result<void> start_without_hub(const configuration& wanted);
    void stop();

    [[nodiscard]] hub& storage();
    [[nodiscard]] environment& env();
    [[nodiscard]] reactor& home();
    template <class T>
    T run(task<T> body) {
        return home().run(std::move(body));
    }

  private:
    result<void> prepare(const configuration& wanted, std::size_t registered_bytes);

    std::unique_ptr<struct engine_parts> parts_;
};

}  // namespace taicang
