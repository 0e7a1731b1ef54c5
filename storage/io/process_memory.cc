#include "storage/io/process_memory.h"

#include <cstdio>

#include <unistd.h>

namespace taicang {

std::uint64_t process_resident_bytes() noexcept {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long long total_pages = 0;
    unsigned long long resident_pages = 0;
    const int read = std::fscanf(file, "%llu %llu", &total_pages, &resident_pages);
    std::fclose(file);
    return read == 2 ? resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace taicang
