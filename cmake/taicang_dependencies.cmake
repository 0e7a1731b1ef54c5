# The libraries of Debian 12 that rooms may link to, each as taicang::<name>. `tools/deps` installs
# them. A room that needs another one adds it here and there.

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# taicang_library(NAME PKG_CONFIG_MODULE): taicang::NAME from pkg-config.
function(taicang_library name module)
    pkg_check_modules(TAICANG_DEP_${name} IMPORTED_TARGET GLOBAL ${module})
    if(NOT TAICANG_DEP_${name}_FOUND)
        message(FATAL_ERROR "${module} was not found by pkg-config, ${name} cannot be linked. "
                            "Run tools/deps, which installs every library the build needs.")
    endif()
    add_library(taicang::${name} ALIAS PkgConfig::TAICANG_DEP_${name})
endfunction()

taicang_library(isal libisal)
taicang_library(rocksdb rocksdb)
taicang_library(uring liburing)
taicang_library(curl libcurl)
taicang_library(zstd libzstd)
taicang_library(openssl openssl)
taicang_library(json nlohmann_json)
taicang_library(expat expat)
taicang_library(tomlplusplus tomlplusplus)
taicang_library(cli11 CLI11)
taicang_library(spdlog spdlog)

# Boost is used by its headers alone (Asio, Beast, URL); the http room compiles them once with
# BOOST_*_SEPARATE_COMPILATION.
find_path(TAICANG_BOOST_INCLUDE boost/beast.hpp)
if(NOT TAICANG_BOOST_INCLUDE)
    message(FATAL_ERROR "boost/beast.hpp was not found. Run tools/deps (libboost1.81-dev).")
endif()
add_library(taicang_boost INTERFACE)
target_include_directories(taicang_boost SYSTEM INTERFACE "${TAICANG_BOOST_INCLUDE}")
target_link_libraries(taicang_boost INTERFACE Threads::Threads)
add_library(taicang::boost ALIAS taicang_boost)

if(TAICANG_TESTS OR TAICANG_FUZZ)
    taicang_library(gtest gtest)
    taicang_library(gtest_main gtest_main)
    taicang_library(gmock gmock)
    taicang_library(benchmark benchmark)
    # Only tests/process needs it, and tools/run does not build that: guard with if(TARGET ...).
    pkg_check_modules(TAICANG_DEP_fuse IMPORTED_TARGET GLOBAL fuse3)
    if(TAICANG_DEP_fuse_FOUND)
        add_library(taicang::fuse ALIAS PkgConfig::TAICANG_DEP_fuse)
    endif()
endif()
