# Finds libduckdb and its C header: -DDUCKDB_ROOT=, the environment's DUCKDB_ROOT, what
# tools/bootstrap installed in the cache folder, the system. Makes DuckDB::DuckDB.

# A root that somebody named is the only place that is searched.
if(DUCKDB_ROOT OR NOT "$ENV{DUCKDB_ROOT}" STREQUAL "")
    if(NOT DUCKDB_ROOT)
        set(DUCKDB_ROOT "$ENV{DUCKDB_ROOT}")
    endif()
    set(_duckdb_hints "${DUCKDB_ROOT}" NO_DEFAULT_PATH)
else()
    set(_duckdb_hints "${ASSAY_CACHE_DIR}/duckdb-${DuckDB_FIND_VERSION}")
endif()
find_path(DUCKDB_INCLUDE_DIR duckdb.h HINTS ${_duckdb_hints} PATH_SUFFIXES include)
find_library(DUCKDB_LIBRARY duckdb HINTS ${_duckdb_hints} PATH_SUFFIXES lib)
mark_as_advanced(DUCKDB_INCLUDE_DIR DUCKDB_LIBRARY)

# The library says its version itself; the header has none.
if(DUCKDB_INCLUDE_DIR AND DUCKDB_LIBRARY
   AND NOT DUCKDB_VERSION_OF STREQUAL "${DUCKDB_LIBRARY}")
    set(_duckdb_probe "${CMAKE_BINARY_DIR}/CMakeFiles/duckdb_version.c")
    file(WRITE "${_duckdb_probe}" "#include <duckdb.h>\n#include <stdio.h>\n"
         "int main(void) { puts(duckdb_library_version()); return 0; }\n")
    get_filename_component(_duckdb_lib_dir "${DUCKDB_LIBRARY}" DIRECTORY)
    try_run(_duckdb_ran _duckdb_built "${CMAKE_BINARY_DIR}/CMakeFiles/duckdb_version"
            "${_duckdb_probe}"
            CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${DUCKDB_INCLUDE_DIR}"
            LINK_OPTIONS "-Wl,-rpath,${_duckdb_lib_dir}"
            LINK_LIBRARIES "${DUCKDB_LIBRARY}"
            COMPILE_OUTPUT_VARIABLE _duckdb_log
            RUN_OUTPUT_VARIABLE _duckdb_version)
    if(NOT _duckdb_built OR NOT _duckdb_ran EQUAL 0)
        message(FATAL_ERROR "${DUCKDB_LIBRARY} cannot be used: ${_duckdb_log}")
    endif()
    string(STRIP "${_duckdb_version}" _duckdb_version)
    string(REGEX REPLACE "^v" "" _duckdb_version "${_duckdb_version}")
    set(DUCKDB_VERSION "${_duckdb_version}" CACHE INTERNAL "version of libduckdb")
    set(DUCKDB_VERSION_OF "${DUCKDB_LIBRARY}" CACHE INTERNAL "library of DUCKDB_VERSION")
endif()
set(DuckDB_VERSION "${DUCKDB_VERSION}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB
    REQUIRED_VARS DUCKDB_LIBRARY DUCKDB_INCLUDE_DIR
    VERSION_VAR DuckDB_VERSION
    REASON_FAILURE_MESSAGE "run tools/bootstrap, or name an installed one by -DDUCKDB_ROOT=")

# COPY .. RETURN_STATS, the plan's JSON and the catalog functions that assay reads belong to a
# minor version; another one is another program.
if(DuckDB_FOUND AND NOT DuckDB_VERSION MATCHES "^1\\.5\\.")
    message(FATAL_ERROR "${DUCKDB_LIBRARY} is DuckDB ${DuckDB_VERSION}; assay needs 1.5.x with x >= 5")
endif()

if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
    add_library(DuckDB::DuckDB SHARED IMPORTED)
    set_target_properties(DuckDB::DuckDB PROPERTIES
        IMPORTED_LOCATION "${DUCKDB_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${DUCKDB_INCLUDE_DIR}")
endif()
