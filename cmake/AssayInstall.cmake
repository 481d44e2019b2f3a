# libassay, the binary's neighbours, pkg-config, the exported CMake config and `install`.

include(CMakePackageConfigHelpers)

assay_built_rooms(rooms)
list(REMOVE_ITEM rooms assay_room_cli)
set(private_dir "${CMAKE_INSTALL_LIBDIR}/assay")

# clang's sanitizers cannot be linked into a library without undefined symbols, and nobody installs
# such a library.
if(rooms AND NOT ASSAY_SANITIZE)
    set(objects "")
    foreach(room IN LISTS rooms)
        list(APPEND objects "$<TARGET_OBJECTS:${room}>")
    endforeach()
    add_library(assay_shared SHARED ${objects})
    target_link_libraries(assay_shared PRIVATE assay_flags ${ASSAY_LIBRARIES})
    target_link_options(assay_shared PRIVATE
        "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/libassay.map"
        -Wl,--no-undefined)
    target_include_directories(assay_shared INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    set_target_properties(assay_shared PROPERTIES
        OUTPUT_NAME assay
        EXPORT_NAME assay
        VERSION ${PROJECT_VERSION}
        SOVERSION 0
        LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/libassay.map"
        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
        INSTALL_RPATH "$ORIGIN/assay")
    add_library(assay::assay ALIAS assay_shared)

    install(TARGETS assay_shared EXPORT assayTargets
            LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT assayTargets NAMESPACE assay::
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/assay")
    configure_package_config_file(
        "${PROJECT_SOURCE_DIR}/cmake/assayConfig.cmake.in"
        "${PROJECT_BINARY_DIR}/assayConfig.cmake"
        INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/assay")
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/assayConfigVersion.cmake"
                                     COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/assayConfig.cmake"
                  "${PROJECT_BINARY_DIR}/assayConfigVersion.cmake"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/assay")
    file(RELATIVE_PATH ASSAY_PKGCONFIG_TO_PREFIX
         "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/assay.pc.in" "${PROJECT_BINARY_DIR}/assay.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/assay.pc"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/assay"
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
endif()

if(TARGET assay_binary)
    set_target_properties(assay_binary PROPERTIES
        INSTALL_RPATH "$ORIGIN/../${private_dir}")
    install(TARGETS assay_binary RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

# The engine goes along, into a folder of its own, so that what is installed runs.
install(FILES "${DUCKDB_LIBRARY}" DESTINATION "${private_dir}"
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                    WORLD_READ WORLD_EXECUTE)

# So do the drivers and extensions that are loaded when a project needs them (base/parts.h), where
# tools/bootstrap has fetched them. They are looked for when `install` runs.
option(ASSAY_INSTALL_PARTS "Install ADBC drivers and DuckDB's extensions along with assay" ON)
if(ASSAY_INSTALL_PARTS)
    install(DIRECTORY "${ASSAY_CACHE_DIR}/drivers" "${ASSAY_CACHE_DIR}/extensions"
            DESTINATION "${private_dir}" OPTIONAL FILES_MATCHING
            PATTERN "*.so" PATTERN "*.duckdb_extension")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/assay" OPTIONAL)
