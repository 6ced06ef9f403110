# What every target is compiled with. Presets choose sanitizers and optimisation.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(MEW_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
set(MEW_WERROR OFF CACHE BOOL "Warnings are errors")

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
                    -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-field-initializers)
if(MEW_WERROR)
    # GCC 12 sees uninitialized values in moved-from variants that are not there, the more so under
    # sanitizers: worth a look, not worth a failed build.
    add_compile_options(-Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>)
endif()
if(MEW_SANITIZE)
    add_compile_options(-fsanitize=${MEW_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${MEW_SANITIZE})
endif()

if(MEW_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "Fuzzing needs Clang: tools/setup fuzz, then cmake --preset fuzz.")
endif()

find_program(MEW_CCACHE ccache)
if(MEW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${MEW_CCACHE})
endif()
