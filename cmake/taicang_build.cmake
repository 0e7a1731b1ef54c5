# How everything is compiled. Included once by the root.
#
# TAICANG_SANITIZE  "", "address,undefined" or "thread"
# TAICANG_FUZZ      ON: clang's libFuzzer instruments every room, fuzz targets are programs of their own
# TAICANG_CANARY    ON: planted bugs (behind `#if TAICANG_CANARY`) can be switched on at run time
# TAICANG_WERROR    ON: warnings are errors (off under clang: the house compiler is g++ 12)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# Asserts are part of the product, so no build defines NDEBUG. -O1 in debug builds: g++ 12 compiles
# coroutine frames at -O0 into stacks that overflow under symmetric transfer.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1" CACHE STRING "" FORCE)
set(TAICANG_SANITIZE "" CACHE STRING "address,undefined or thread")
# Lines are enough for the sanitizers' traces; variables of every instrumented frame cost a third of
# the compiler's time.
if(TAICANG_SANITIZE)
    set(taicang_debug_flags "-O1 -g1")
else()
    set(taicang_debug_flags "-O1 -g")
endif()
set(CMAKE_CXX_FLAGS_DEBUG "${taicang_debug_flags}" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_DEBUG "${taicang_debug_flags}" CACHE STRING "" FORCE)

option(TAICANG_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)
option(TAICANG_CANARY "Compile the planted bugs in" OFF)
option(TAICANG_TESTS "Build the tests" ON)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    option(TAICANG_WERROR "Warnings are errors" ON)
else()
    option(TAICANG_WERROR "Warnings are errors" OFF)
endif()

if(TAICANG_CANARY)
    add_compile_definitions(TAICANG_CANARY=1)
endif()

# Flags that must be the same in every object file, libraries of tests included.
set(taicang_timeout_factor 1)
if(TAICANG_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "TAICANG_FUZZ needs clang: cmake --preset fuzz (tools/deps check installs it)")
    endif()
    # Without `function`: clang 14 cannot assemble its prologue for coroutines ("difference across sections").
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function
                        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(TAICANG_SANITIZE)
    add_compile_options(-fsanitize=${TAICANG_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${TAICANG_SANITIZE})
    set(taicang_timeout_factor 5)
endif()

set(taicang_warnings
    -Wall
    -Wextra
    -Wpedantic
    -Wshadow
    -Wconversion
    -Wsign-conversion
    -Wnon-virtual-dtor
    -Woverloaded-virtual)
if(TAICANG_WERROR)
    list(APPEND taicang_warnings -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False positives of g++ 12: std::string operator+ (GCC PR 105651) and, once sanitizers have
    # split the code, values that every path sets (GCC PR 80635).
    list(APPEND taicang_warnings -Wno-restrict)
    if(TAICANG_SANITIZE)
        list(APPEND taicang_warnings -Wno-maybe-uninitialized -Wno-tsan)
    endif()
endif()

find_program(TAICANG_CCACHE ccache)
if(TAICANG_CCACHE)
    foreach(language C CXX)
        if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
            set(CMAKE_${language}_COMPILER_LAUNCHER "${TAICANG_CCACHE}")
        endif()
    endforeach()
endif()

find_program(TAICANG_MOLD mold)
if(TAICANG_MOLD)
    add_link_options(-fuse-ld=mold)
endif()
