// The state of one fault disk: its files, the faults set on them, and whether its power is on.
//
// Threads: every call from any thread. File operations run under a shared lock, so that a cut (an
// exclusive one) is one instant for all files of the disk. Lifetime: outlives the FUSE session.
// Invariants: a handle opened before a cut answers EIO for ever, as do all operations between cut
// and heal; nothing reaches a backing file in that time.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/types.h>

#include "tests/process/fuse_disk/held_file.h"

namespace taicang::fuse_disk {

struct file_faults {
    bool read_error = false;
    bool write_error = false;
    bool flush_error = false;
    unsigned delay_ms = 0;
    unsigned slow_kib_per_s = 0;  // 0: as fast as it goes
};

// One open of one file.
struct open_file {
    std::shared_ptr<held_file> file;
    std::uint64_t power_epoch = 0;
    std::string name;  // path below the mount, without the leading slash; faults go by it
};

struct disk_figures {
    std::atomic<std::uint64_t> reads{0};
    std::atomic<std::uint64_t> writes{0};
    std::atomic<std::uint64_t> flushes{0};
    std::atomic<std::uint64_t> faults_delivered{0};
};

enum class operation { read, write, flush };

class disk_state {
  public:
    disk_state(std::string backing_directory, bool hold_writes);

    // Opens (and, with O_CREAT, creates) the backing file; a negative errno when that fails.
    int open(const std::string& path, int flags, mode_t mode, std::unique_ptr<open_file>& into);
    void close(std::unique_ptr<open_file> handle);

    std::int64_t read(const open_file& handle, std::span<std::byte> into, std::uint64_t offset);
    std::int64_t write(const open_file& handle, std::span<const std::byte> data,
                       std::uint64_t offset);
    int truncate(const open_file& handle, std::uint64_t size);
    int allocate(const open_file& handle, int mode, std::uint64_t offset, std::uint64_t length);
    int flush(const open_file& handle);
    int flush_directory(const std::string& path);

    // Names and attributes go straight to the backing directory, except that a file which was
    // created and never flushed (nor its directory) may vanish at a cut.
    int attributes(const std::string& path, struct stat& into);
    int attributes(const open_file& handle, struct stat& into);
    int unlink(const std::string& path);
    int rename(const std::string& from, const std::string& to, unsigned flags);
    std::string backing_path(const std::string& path) const { return backing_ + path; }
    bool powered() const { return powered_.load(); }

    // The commands of the control socket.
    cut_counts cut(std::uint64_t seed, const cut_plan* plan, std::uint64_t& vanished_files);
    void heal();
    void set_hold(bool hold) { hold_ = hold; }
    void change_faults(const std::string& name, void (*change)(file_faults&, unsigned),
                       unsigned value);
    void clear_faults(const std::string& name);
    std::string describe() const;

  private:
    using identity = std::pair<dev_t, ino_t>;
    struct known_file {
        std::shared_ptr<held_file> file;
        std::string path;
        unsigned handles = 0;
        bool creation_unflushed = false;
    };

    bool alive(const open_file& handle) const;
    // Waits as long as the faults of the file say, then tells whether the operation is to fail.
    bool suffers_fault(const open_file& handle, operation kind, std::uint64_t bytes);
    void creation_is_flushed(const held_file* file);

    const std::string backing_;
    std::atomic<bool> hold_;
    std::atomic<bool> powered_{true};
    std::atomic<std::uint64_t> power_epoch_{0};
    std::shared_mutex power_lock_;  // held exclusively by cut and heal
    mutable std::mutex files_lock_;
    std::map<identity, known_file> files_;
    mutable std::shared_mutex faults_lock_;
    std::atomic<bool> any_faults_{false};
    std::map<std::string, file_faults> faults_;
    disk_figures figures_;
};

}  // namespace taicang::fuse_disk
