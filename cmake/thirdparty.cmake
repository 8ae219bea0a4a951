# Libraries from Debian 12, and the engine library that tools/deps.sh fetched into .deps/.
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)

if(TM_ENGINE)
  add_library(tm_duckdb SHARED IMPORTED)
  set_target_properties(tm_duckdb PROPERTIES
    IMPORTED_LOCATION ${TM_DEPS_DIR}/duckdb/lib/libduckdb.so
    INTERFACE_INCLUDE_DIRECTORIES ${TM_DEPS_DIR}/duckdb/include)
  set(CMAKE_BUILD_RPATH ${TM_DEPS_DIR}/duckdb/lib)
else()
  add_library(tm_duckdb INTERFACE)
endif()

# llhttp ships as C sources in Debian.
set(TM_LLHTTP /usr/share/llhttp)
add_library(tm_llhttp STATIC ${TM_LLHTTP}/api.c ${TM_LLHTTP}/http.c ${TM_LLHTTP}/llhttp.c)
target_include_directories(tm_llhttp SYSTEM PUBLIC /usr/share/include/llhttp /usr/include)
target_compile_options(tm_llhttp PRIVATE -O2 -w)

# Debian keeps the headers of PostgreSQL's client in a folder of their own.
add_library(tm_libpq INTERFACE)
target_include_directories(tm_libpq SYSTEM INTERFACE /usr/include/postgresql)
target_link_libraries(tm_libpq INTERFACE pq)
