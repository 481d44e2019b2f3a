# assay_embed(<room> <symbol> <folder>)
#
# Makes the files below <folder> part of the room's library, as
#     const assay_embedded_file assay_<symbol>[]; const size_t assay_<symbol>_count;
# declared by "<room>/embedded.h" (written by hand). The paths are relative to <folder>, sorted.

function(assay_embed room symbol folder)
    set(target assay_room_${room})
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "STATIC_LIBRARY")
        return()
    endif()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS "${folder}/*")
    set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.c")
    add_custom_command(
        OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DSYMBOL=${symbol}"
                "-DHEADER=${room}/embedded.h" "-DOUTPUT=${output}"
                -P "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
        DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
        COMMENT "Embedding ${symbol}"
        VERBATIM)
    target_sources(${target} PRIVATE "${output}")
endfunction()
