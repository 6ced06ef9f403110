# Modules where several threads, or a process and its forks in one test program, share what is
# tested: the tsan preset builds and runs these tests only.
set(MEW_THREADED_MODULES front log mailbox stats worker)

add_custom_target(threaded_tests)

# mew_module(NAME SOURCES ... [TESTS ...] [DEPS ...])
# A folder below src/ is a module: one static library `mew_NAME`, one namespace mew::NAME, one unit
# test program `NAME_test`. DEPS are names of other modules or CMake targets; what is not listed
# here cannot be included (tools/check_layers.py compares).
function(mew_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;DEPS" ${ARGN})
    add_library(mew_${name} STATIC ${ARG_SOURCES})
    target_include_directories(mew_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    foreach(dep ${ARG_DEPS})
        if(dep MATCHES "::")
            target_link_libraries(mew_${name} PUBLIC ${dep})
        else()
            target_link_libraries(mew_${name} PUBLIC mew_${dep})
        endif()
    endforeach()
    mew_headers(mew_${name})
    if(MEW_TESTS AND ARG_TESTS)
        mew_module_test(${name} ${ARG_TESTS})
    endif()
endfunction()

# Names the headers of this folder as the target's, which is what lets CMake compile each of them
# alone (target all_verify_interface_header_sets, where the preset asks for it).
function(mew_headers target)
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
    # What tests of the folder share may need their definitions.
    list(FILTER headers EXCLUDE REGEX "/test_[^/]*\\.h$")
    if(headers)
        target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src
                                        FILES ${headers})
    endif()
endfunction()

function(mew_module_test name)
    add_executable(${name}_test ${ARGN})
    target_link_libraries(${name}_test PRIVATE mew_${name} GTest::gmock GTest::gtest_main)
    set(labels unit)
    if(name IN_LIST MEW_THREADED_MODULES)
        list(APPEND labels threads)
        add_dependencies(threaded_tests ${name}_test)
    endif()
    # One CTest test for the whole program: starting each of its tests alone, under a sanitizer,
    # takes longer than the tests. Its own report names each of them (tools/count_tests.py);
    # `NAME_test --gtest_filter=...` or GTEST_FILTER run some.
    add_test(NAME ${name}_test
             COMMAND ${name}_test --gtest_brief=1
                     --gtest_output=xml:${PROJECT_BINARY_DIR}/reports/${name}_test.xml)
    set_tests_properties(${name}_test PROPERTIES LABELS "${labels}" TIMEOUT 300)
endfunction()
