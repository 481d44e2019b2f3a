# Script of assay_embed: writes FOLDER's files as C arrays to OUTPUT.

file(GLOB_RECURSE files RELATIVE "${FOLDER}" "${FOLDER}/*")
list(SORT files)
set(arrays "")
set(table "")
set(count 0)
foreach(path IN LISTS files)
    file(READ "${FOLDER}/${path}" hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR size "${digits} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],)(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?(0x[0-9a-f][0-9a-f],)?)"
           "    \\1\n" bytes "${bytes}")
    # The closing zero makes a text file a C string; `size` does not count it.
    string(APPEND arrays "static const unsigned char file_${count}[] = {\n${bytes}    0x00};\n\n")
    string(APPEND table "    {\"${path}\", file_${count}, ${size}},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}.new"
     "/* Made by cmake/embed.cmake from the project's files. */\n"
     "#include \"${HEADER}\"\n\n${arrays}"
     "const assay_embedded_file assay_${SYMBOL}[] = {\n${table}    {NULL, NULL, 0}};\n"
     "const size_t assay_${SYMBOL}_count = ${count};\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
