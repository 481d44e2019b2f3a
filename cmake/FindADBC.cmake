# Finds the header of ADBC (arrow-adbc/adbc.h): -DADBC_INCLUDE_DIR=, what tools/bootstrap put into the
# cache folder, the system. Makes ADBC::ADBC. There is nothing to link: drivers are loaded.

find_path(ADBC_INCLUDE_DIR arrow-adbc/adbc.h HINTS "${ASSAY_CACHE_DIR}/adbc/include")
mark_as_advanced(ADBC_INCLUDE_DIR)

if(ADBC_INCLUDE_DIR)
    file(STRINGS "${ADBC_INCLUDE_DIR}/arrow-adbc/adbc.h" _adbc_line REGEX "\\\\version [0-9.]+" LIMIT_COUNT 1)
    string(REGEX MATCH "[0-9]+\\.[0-9.]+" ADBC_VERSION "${_adbc_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ADBC
    REQUIRED_VARS ADBC_INCLUDE_DIR
    VERSION_VAR ADBC_VERSION
    REASON_FAILURE_MESSAGE "run tools/bootstrap, or name its folder by -DADBC_INCLUDE_DIR=")

if(ADBC_FOUND AND NOT TARGET ADBC::ADBC)
    add_library(ADBC::ADBC INTERFACE IMPORTED)
    set_target_properties(ADBC::ADBC PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${ADBC_INCLUDE_DIR}")
endif()
