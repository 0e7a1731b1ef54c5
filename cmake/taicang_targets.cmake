# The only ways to make a target. Source lists are explicit, warnings are errors, the include root
# is the root of the repository.
#
#   taicang_room(NAME SOURCES a.cc ... [DEPS target ...])
#       A static library; dependencies are public. Sources may be left out for a room of headers.
#   taicang_program(NAME SOURCES ... [LIBS ...])
#       An executable at the root of the build directory: build/<preset>/NAME.
#   taicang_test(NAME SOURCES ... [LIBS ...] [LABELS ...] [TIMEOUT seconds] [LONG_TIMEOUT seconds]
#                [NO_MAIN] [SERIAL])
#       A GoogleTest binary, ONE ctest entry. LABELS default to "unit". NO_MAIN: brings its own main.
#       SERIAL: never runs beside another test (figures of time, whole machines). LONG_TIMEOUT adds
#       an entry NAME_long that runs the same with TAICANG_LONG=1 under `ctest -C Long -L long`
#       (tools/check long).
#   taicang_script_test(NAME COMMAND ... [LABELS ...] [TIMEOUT seconds] [LONG_TIMEOUT seconds]
#                       [SERIAL])
#       The same for a script; it sees TAICANG_BUILD_DIR and TAICANG_SOURCE_DIR.
#   taicang_bench(NAME SOURCES ... [LIBS ...])
#       A Google Benchmark binary; built, never run by ctest.
#   taicang_fuzzer(NAME SOURCES ... [LIBS ...])
#       LLVMFuzzerTestOneInput. Under the preset fuzz a libFuzzer program; in every other build a
#       test that replays tests/fuzz/corpus/NAME (so that targets never rot).

function(taicang_compile target)
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_compile_options(${target} PRIVATE ${taicang_warnings})
endfunction()

function(taicang_room name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "taicang_room(${name}): unexpected ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(arg_SOURCES)
        add_library(${name} STATIC ${arg_SOURCES})
        taicang_compile(${name})
        target_link_libraries(${name} PUBLIC ${arg_DEPS})
    else()
        add_library(${name} INTERFACE)
        target_include_directories(${name} INTERFACE "${PROJECT_SOURCE_DIR}")
        target_link_libraries(${name} INTERFACE ${arg_DEPS})
    endif()
endfunction()

function(taicang_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    add_executable(${name} ${arg_SOURCES})
    taicang_compile(${name})
    target_link_libraries(${name} PRIVATE ${arg_LIBS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
endfunction()

# One ctest entry and, where LONG_TIMEOUT is given, its long twin.
function(taicang_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT;LONG_TIMEOUT" "COMMAND;LABELS")
    if(NOT arg_LABELS)
        set(arg_LABELS unit)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    set(environment
        "TAICANG_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
        "TAICANG_BUILD_DIR=${CMAKE_BINARY_DIR}"
        "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
        "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
        "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/tests/tsan_suppressions.txt")
    math(EXPR timeout "${arg_TIMEOUT} * ${taicang_timeout_factor}")
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${timeout}
                                            ENVIRONMENT "${environment}"
                                            RUN_SERIAL "${arg_SERIAL}")
    if(arg_LONG_TIMEOUT)
        math(EXPR timeout "${arg_LONG_TIMEOUT} * ${taicang_timeout_factor}")
        add_test(NAME ${name}_long CONFIGURATIONS Long COMMAND ${arg_COMMAND}
                 WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
        list(APPEND environment "TAICANG_LONG=1")
        set_tests_properties(${name}_long PROPERTIES LABELS "long" TIMEOUT ${timeout}
                                                     ENVIRONMENT "${environment}"
                                                     RUN_SERIAL "${arg_SERIAL}")
    endif()
endfunction()

# Hands the keywords that taicang_add_test knows through.
macro(taicang_collect_test_options out)
    set(${out} "")
    if(arg_SERIAL)
        list(APPEND ${out} SERIAL)
    endif()
    foreach(option TIMEOUT LONG_TIMEOUT LABELS)
        if(arg_${option})
            list(APPEND ${out} ${option} ${arg_${option}})
        endif()
    endforeach()
endmacro()

function(taicang_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_MAIN;SERIAL" "TIMEOUT;LONG_TIMEOUT"
                          "SOURCES;LIBS;LABELS")
    # The word SOURCES may be left out: everything before the first keyword is a source.
    list(APPEND arg_SOURCES ${arg_UNPARSED_ARGUMENTS})
    add_executable(${name} ${arg_SOURCES})
    taicang_compile(${name})
    # What is tested stays optimised; the tests themselves compile a fifth faster this way.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
    target_link_libraries(${name} PRIVATE ${arg_LIBS} taicang::gmock taicang::gtest)
    if(NOT arg_NO_MAIN)
        target_link_libraries(${name} PRIVATE taicang::gtest_main)
    endif()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/bin")
    taicang_collect_test_options(options)
    taicang_add_test(${name} COMMAND ${name} ${options})
endfunction()

function(taicang_script_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT;LONG_TIMEOUT" "COMMAND;LABELS")
    taicang_collect_test_options(options)
    taicang_add_test(${name} COMMAND ${arg_COMMAND} ${options})
endfunction()

function(taicang_bench name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    add_executable(${name} ${arg_SOURCES})
    taicang_compile(${name})
    target_link_libraries(${name} PRIVATE ${arg_LIBS} taicang::benchmark Threads::Threads)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/bin")
endfunction()

function(taicang_fuzzer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    add_executable(${name} ${arg_SOURCES})
    taicang_compile(${name})
    target_link_libraries(${name} PRIVATE ${arg_LIBS})
    if(TAICANG_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
    else()
        target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                                 "${CMAKE_BINARY_DIR}/tests/bin")
        taicang_add_test(${name} COMMAND ${name} "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}"
                         LABELS unit fuzz)
    endif()
endfunction()
