# softmax_add_kernel: a library target from an operation and a shape.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# softmax_add_kernel(<target>
#   OP <op>  SHAPE <shape>            as on the command line of softmax-gen
#   [AXIS <n>]
#   [TARGETS <cpu>...]                several make one fat kernel; default: host
#   [NAME <c identifier>]             default: that of softmax-gen
#   [THREADS none|openmp|hook]        default: none
#   [SCHEDULE <file>]                 relative to the current source folder
#   [OPTIONS <option>...]             any other option of softmax-gen
#   [OUTPUTS <variable>]              set to the header, archive and manifest
#   [TEST]                            adds the test <target>.verify
#   [BENCHMARK])                      adds the target <target>.bench
#
# The target carries the header's folder and what the archive needs. It suits C
# and C++ users, whichever language the project has enabled, and every build type:
# the archive is plain C and does not depend on CMAKE_BUILD_TYPE.

include_guard(GLOBAL)

set(SOFTMAX_GEN "" CACHE FILEPATH
  "softmax-gen to run instead of the package's own, for cross builds")

# Stops with "softmax_add_kernel(<target>): <text>", one cause in one line; the
# text is joined from the arguments, so it cannot hold a semicolon.
function(_softmax_fail target)
  string(JOIN "" text ${ARGN})
  message(FATAL_ERROR "softmax_add_kernel(${target}): ${text}")
endfunction()

function(_softmax_check_arguments target)
  set(operations
    softmax log-softmax logsumexp softmax-grad log-softmax-grad
    cross-entropy xent cross-entropy-grad cross-entropy-with-grad sgd)
  # Each of these has an argument of its own, or decides the outputs.
  set(own_options
    --axis --target-cpu --name --threads --schedule --emit --quiet -o)
  if(ARG_UNPARSED_ARGUMENTS)
    list(GET ARG_UNPARSED_ARGUMENTS 0 first)
    _softmax_fail(${target} "unknown argument '${first}' (options of softmax-gen "
      "go after OPTIONS)")
  endif()
  # A keyword without a value.
  if(ARG_KEYWORDS_MISSING_VALUES)
    list(GET ARG_KEYWORDS_MISSING_VALUES 0 first)
    _softmax_fail(${target} "${first} needs a value")
  endif()
  foreach(required OP SHAPE)
    if(NOT DEFINED ARG_${required})
      _softmax_fail(${target} "${required} is missing, as in "
        "OP softmax SHAPE ?x4096xbf16")
    endif()
  endforeach()
  if(TARGET ${target})
    _softmax_fail(${target} "a target of this name exists already")
  endif()
  if(NOT ARG_OP IN_LIST operations)
    string(JOIN ", " known ${operations})
    _softmax_fail(${target} "unknown OP '${ARG_OP}', expected one of ${known}")
  endif()
  if(NOT ARG_SHAPE MATCHES "^((\\?|[0-9]+)x)+(f32|f64|f16|bf16)$")
    _softmax_fail(${target} "SHAPE is '${ARG_SHAPE}', expected extents and type "
      "joined by x, as in ?x4096xbf16 (types: f32, f64, bf16, f16)")
  endif()
  if(DEFINED ARG_AXIS AND NOT ARG_AXIS MATCHES "^-?[0-9]+$")
    _softmax_fail(${target} "AXIS is '${ARG_AXIS}', expected a number")
  endif()
  if(NOT ARG_THREADS MATCHES "^(none|openmp|hook)$")
    _softmax_fail(${target} "THREADS is '${ARG_THREADS}', expected none, openmp "
      "or hook")
  endif()
  if(NOT ARG_NAME MATCHES "^[A-Za-z_][A-Za-z0-9_]*$")
    _softmax_fail(${target} "NAME is '${ARG_NAME}', expected a C identifier")
  endif()
  if(DEFINED ARG_SCHEDULE AND NOT EXISTS "${ARG_SCHEDULE}")
    _softmax_fail(${target} "SCHEDULE file '${ARG_SCHEDULE}' does not exist")
  endif()
  if(SOFTMAX_GEN AND NOT EXISTS "${SOFTMAX_GEN}")
    _softmax_fail(${target} "SOFTMAX_GEN is '${SOFTMAX_GEN}', which does not "
      "exist")
  endif()
  foreach(option IN LISTS ARG_OPTIONS)
    string(REGEX REPLACE "=.*" "" flag "${option}")
    if(flag IN_LIST own_options)
      _softmax_fail(${target} "OPTIONS holds '${option}', which this function "
        "sets itself (see AXIS, TARGETS, NAME, THREADS and SCHEDULE)")
    endif()
  endforeach()
endfunction()

# The name that softmax-gen would choose: softmax ?x32000xf32 is
# softmax_dx32000_f32. It is passed to the tool all the same, because the names of
# the outputs are needed before the tool runs.
function(_softmax_default_name op shape result)
  if(op STREQUAL "xent")
    set(op "cross-entropy")
  endif()
  string(REGEX REPLACE "x(f32|f64|f16|bf16)$" "_\\1" name "${op}_${shape}")
  string(REPLACE "-" "_" name "${name}")
  string(REPLACE "?" "d" name "${name}")
  set(${result} "${name}" PARENT_SCOPE)
endfunction()

# The libraries that users of the archive link.
function(_softmax_link_libraries target threads)
  # Spelt as a flag, since a project may have a target named m.
  set(libraries "")
  if(UNIX)
    set(libraries -lm)
  endif()
  if(threads STREQUAL "openmp")
    get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
    set(language C)
    if("CXX" IN_LIST languages)
      set(language CXX)
    endif()
    find_package(OpenMP COMPONENTS ${language})
    if(NOT OpenMP_${language}_FOUND)
      _softmax_fail(${target} "THREADS openmp needs a compiler with OpenMP: use "
        "THREADS none or hook, or install its OpenMP library")
    endif()
    # Its files, not its target: that one would compile users with OpenMP too,
    # and exists in this folder only.
    list(APPEND libraries ${OpenMP_${language}_LIBRARIES})
  endif()
  set_property(TARGET ${target} PROPERTY
    INTERFACE_LINK_LIBRARIES "${libraries}")
endfunction()

function(softmax_add_kernel target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "TEST;BENCHMARK"
    "OP;SHAPE;AXIS;NAME;THREADS;SCHEDULE;OUTPUTS" "TARGETS;OPTIONS")
  if(NOT DEFINED ARG_TARGETS)
    set(ARG_TARGETS host)
  endif()
  if(NOT DEFINED ARG_THREADS)
    set(ARG_THREADS none)
  endif()
  if(NOT DEFINED ARG_NAME)
    _softmax_default_name("${ARG_OP}" "${ARG_SHAPE}" ARG_NAME)
  endif()
  if(DEFINED ARG_SCHEDULE)
    get_filename_component(ARG_SCHEDULE "${ARG_SCHEDULE}" ABSOLUTE
      BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  _softmax_check_arguments(${target})

  if(SOFTMAX_GEN)
    set(tool "${SOFTMAX_GEN}")
  else()
    set(tool "$<TARGET_FILE:SoftmaxMLIR::softmax-gen>")
  endif()

  # A folder for each kernel: users include nothing else by accident, and
  # `softmax-gen verify` and `bench` act on a folder.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/softmax-kernels/${target}")
  set(header "${folder}/${ARG_NAME}.h")
  set(archive "${folder}/lib${ARG_NAME}.a")
  set(manifest "${folder}/${ARG_NAME}.manifest.json")
  string(JOIN "," target_cpu ${ARG_TARGETS})
  set(options "--name=${ARG_NAME}" "--target-cpu=${target_cpu}"
    "--threads=${ARG_THREADS}")
  if(DEFINED ARG_AXIS)
    list(APPEND options "--axis=${ARG_AXIS}")
  endif()
  if(DEFINED ARG_SCHEDULE)
    list(APPEND options "--schedule=${ARG_SCHEDULE}")
  endif()

  add_custom_command(
    OUTPUT "${header}" "${archive}" "${manifest}"
    COMMAND "${tool}" "${ARG_OP}" "${ARG_SHAPE}" ${options} ${ARG_OPTIONS}
      --emit=h,a,manifest --quiet -o "${folder}"
    DEPENDS "${tool}" ${ARG_SCHEDULE}
    COMMENT "softmax-gen ${ARG_OP} ${ARG_SHAPE} for ${target_cpu}"
    VERBATIM)
  set(all "")
  if(ARG_TEST)
    # ctest runs what `all` has built.
    set(all ALL)
  endif()
  add_custom_target(${target}.gen ${all}
    DEPENDS "${header}" "${archive}" "${manifest}")

  # An imported target may name a folder only if it exists.
  file(MAKE_DIRECTORY "${folder}")
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${archive}"
    INTERFACE_INCLUDE_DIRECTORIES "${folder}")
  _softmax_link_libraries(${target} ${ARG_THREADS})
  add_dependencies(${target} ${target}.gen)

  if(ARG_TEST)
    add_test(NAME ${target}.verify COMMAND "${tool}" verify "${folder}")
  endif()
  if(ARG_BENCHMARK)
    add_custom_target(${target}.bench
      COMMAND "${tool}" bench "${folder}"
      COMMENT "softmax-gen bench ${ARG_NAME}"
      USES_TERMINAL VERBATIM)
    add_dependencies(${target}.bench ${target}.gen)
  endif()
  if(DEFINED ARG_OUTPUTS)
    set(${ARG_OUTPUTS} "${header}" "${archive}" "${manifest}" PARENT_SCOPE)
  endif()
endfunction()
