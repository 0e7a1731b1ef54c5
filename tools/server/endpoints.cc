#include "tools/server/endpoints.h"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace taicang {

namespace {
std::string path_in(const std::string& data) {
    return data + "/endpoint.json";
}
}  // namespace

result<void> write_endpoints(const std::string& data, const served_endpoints& served) {
    const nlohmann::json document = {{"schema", 1},
                                     {"s3", served.s3},
                                     {"admin", served.admin},
                                     {"access_key", served.access_key}};
    const std::string path = path_in(data);
    std::ofstream out(path + ".new", std::ios::trunc);
    out << document.dump(2) << "\n";
    out.close();
    std::error_code failed;
    if (out) std::filesystem::rename(path + ".new", path, failed);
    if (!out || failed) {
        return error(errc::io_failed,
                     "cannot write " + path + ": is the file system full or read-only?");
    }
    return ok();
}

void remove_endpoints(const std::string& data) {
    std::error_code ignored;  // a file that stays only names ports that refuse
    std::filesystem::remove(path_in(data), ignored);
}

result<served_endpoints> read_endpoints(const std::string& data) {
    std::ifstream in(path_in(data));
    if (!in) {
        return error(errc::not_found, "no hub serves " + data + " (" + path_in(data) +
                                          " is not there): start it with `taicang serve --data " +
                                          data + "`");
    }
    const auto document = nlohmann::json::parse(in, nullptr, false);
    served_endpoints served;
    if (document.is_discarded() || !document.is_object()) {
        return error(errc::corrupt,
                     path_in(data) + " is not readable; restart the hub to have it written anew");
    }
    served.s3 = document.value("s3", std::vector<std::string>());
    served.admin = document.value("admin", std::vector<std::string>());
    served.access_key = document.value("access_key", std::string());
    return served;
}

}  // namespace taicang
