# Modules where several threads, or a process and its forks in one test program, share what is
# tested: the tsan preset builds and runs these tests only.
set(MEW_THREADED_MODULES log stats)

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
    # A list cannot be a property value here: CMake hands it on as words.
    string(REPLACE ";" "\\;" labels "${labels}")
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${labels}")
endfunction()
