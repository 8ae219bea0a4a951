// Puts a callback of ours around the engine's own of a scalar function. Internal to this folder.
#pragma once

#include <utility>

#include "duckdb.hpp"
#include "duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp"
#include "duckdb/main/extension/extension_loader.hpp"

namespace tidemark::engine {

// Every overload of `name` of which `is_meant(function)` does `call(engine, arguments, state,
// result)` from then on; `engine` is the callback that it had.
template <class IsMeant, class Call>
void WrapFunction(duckdb::ExtensionLoader* loader, const char* name, const IsMeant& is_meant,
                  const Call& call) {
  for (duckdb::ScalarFunction& function : loader->GetFunction(name).functions.functions) {
    if (!is_meant(function)) continue;
    function.SetFunctionCallback(
        [call, engine = function.GetFunctionCallback()](
            duckdb::DataChunk& arguments, duckdb::ExpressionState& state, duckdb::Vector& result) {
          call(engine, arguments, state, result);
        });
  }
}

}  // namespace tidemark::engine
