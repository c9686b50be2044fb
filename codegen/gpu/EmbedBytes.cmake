# Writes the bytes of INPUT to OUTPUT, as the elements of an array in C.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "${bytes}\n")
