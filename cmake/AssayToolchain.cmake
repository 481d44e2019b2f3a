# The language, the warnings, the sanitizers and the hardening of every object of assay
# (docs/DEPENDENCIES.md and the presets say when which of them is on).

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

find_program(ASSAY_CCACHE ccache)
mark_as_advanced(ASSAY_CCACHE)
if(ASSAY_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${ASSAY_CCACHE}")
endif()

add_library(assay_flags INTERFACE)
target_compile_definitions(assay_flags INTERFACE
    _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE ASSAY_VERSION="${PROJECT_VERSION}")
target_compile_options(assay_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    -Wold-style-definition -Wmissing-prototypes -Wmissing-declarations -Wundef -Wformat=2
    -Wnull-dereference -Wdouble-promotion -Wcast-qual -Wcast-align -Wwrite-strings
    -Wpointer-arith -Wvla -Walloca -Wimplicit-fallthrough -Wredundant-decls
    -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(assay_flags INTERFACE
        -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init)
endif()
if(ASSAY_WERROR)
    target_compile_options(assay_flags INTERFACE -Werror)
endif()

if(ASSAY_SANITIZE)
    target_compile_options(assay_flags INTERFACE
        -fsanitize=${ASSAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(assay_flags INTERFACE -fsanitize=${ASSAY_SANITIZE})
    # gcc 12: with the sanitizers' own branches these two see paths that no program takes.
    target_compile_options(assay_flags INTERFACE -Wno-null-dereference)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_compile_options(assay_flags INTERFACE -Wno-maybe-uninitialized
                               -Wno-duplicated-branches)
    endif()
endif()

if(ASSAY_HARDEN)
    target_compile_options(assay_flags INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "AppleClang")
        target_compile_options(assay_flags INTERFACE -fstack-clash-protection)
    endif()
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(assay_flags INTERFACE -fcf-protection=full)
    endif()
    target_link_options(assay_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
