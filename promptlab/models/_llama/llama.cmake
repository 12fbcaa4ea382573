# How promptlab has llama.cpp built: what its Python binding needs and no more, and its CPU code several times.
#
# CMake includes this file right after project(llama.cpp); llama_wheel.py says so by
# CMAKE_PROJECT_llama.cpp_INCLUDE. Nothing of llama.cpp's own files is changed.

# The binding turns llama.cpp's common library on, which is for its command-line tools and takes a third of the build.
set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)

# A compiler joins a * b + c into one rounding wherever it likes, and another one elsewhere. Without that, the same source
# gives the same bits, which benchmarks/portable.py shows for gcc 11, gcc 12 and clang 14. gcc 12 does so all the same
# where it makes vectors of a loop by itself (vfmaddsub in the code that turns positions), so it may not do that either;
# the loops that count are written as vectors by hand and stay as they are.
add_compile_options(-ffp-contract=off -fno-tree-vectorize)

# GGML_CPU_ALL_VARIANTS makes 14 libraries of the CPU code, 1.3 processor minutes each. Build those of
# PROMPTLAB_CPU_VARIANTS only. The function that adds one is wrapped when ggml/src first reads the option, which is
# after it defined that function and before it calls it. (CMake keeps the wrapped function under a leading underscore.)
function(promptlab_choose_variants variable access)
  if(access STREQUAL "READ_ACCESS" AND COMMAND ggml_add_cpu_backend_variant AND NOT COMMAND _ggml_add_cpu_backend_variant)
    function(ggml_add_cpu_backend_variant tag)
      if(tag IN_LIST PROMPTLAB_CPU_VARIANTS)
        _ggml_add_cpu_backend_variant(${tag} ${ARGN})
      endif()
    endfunction()
  endif()
endfunction()
variable_watch(GGML_CPU_ALL_VARIANTS promptlab_choose_variants)
