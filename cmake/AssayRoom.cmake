# assay_room(<name> USES <rooms> LINKS <libraries>)
#
# One static library a room: every .c below src/<name>/. USES names the rooms below it (src/LAYERS)
# whose headers it may include; LINKS the third-party libraries that this room wraps, by the short
# names of AssayDependencies.cmake. A room without a .c file is an INTERFACE library.

set_property(GLOBAL PROPERTY ASSAY_ROOMS "")

function(assay_room name)
    cmake_parse_arguments(ARG "" "" "USES;LINKS" ${ARGN})
    if(ARG_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "assay_room(${name}): unknown argument ${ARG_UNPARSED_ARGUMENTS}")
    endif()
    get_property(rooms GLOBAL PROPERTY ASSAY_ROOMS)
    foreach(used IN LISTS ARG_USES)
        if(NOT used IN_LIST rooms)
            message(FATAL_ERROR "room '${name}' uses '${used}', which does not stand below it")
        endif()
    endforeach()
    set_property(GLOBAL APPEND PROPERTY ASSAY_ROOMS ${name})

    set(links "")
    foreach(link IN LISTS ARG_LINKS)
        if(NOT ASSAY_LIB_${link})
            message(FATAL_ERROR "assay_room(${name}): no library '${link}'")
        endif()
        list(APPEND links ${ASSAY_LIB_${link}})
    endforeach()
    list(TRANSFORM ARG_USES PREPEND assay_room_ OUTPUT_VARIABLE uses)

    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
    list(FILTER sources EXCLUDE REGEX "/src/cli/main\\.c$")
    set(target assay_room_${name})
    if(sources)
        add_library(${target} STATIC ${sources})
        target_include_directories(${target} PUBLIC
            "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
        target_link_libraries(${target} PUBLIC ${uses} PRIVATE ${links} assay_flags)
        set_target_properties(${target} PROPERTIES OUTPUT_NAME assay_${name})
    else()
        add_library(${target} INTERFACE)
        target_include_directories(${target} INTERFACE
            "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
        target_link_libraries(${target} INTERFACE ${uses} ${links})
    endif()
endfunction()

# The rooms that have objects, lowest first, as targets.
function(assay_built_rooms ret_targets)
    get_property(rooms GLOBAL PROPERTY ASSAY_ROOMS)
    set(targets "")
    foreach(room IN LISTS rooms)
        get_target_property(type assay_room_${room} TYPE)
        if(type STREQUAL "STATIC_LIBRARY")
            list(APPEND targets assay_room_${room})
        endif()
    endforeach()
    set(${ret_targets} "${targets}" PARENT_SCOPE)
endfunction()
