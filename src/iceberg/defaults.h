// Default values of columns, in schemas that clients send. Format: Iceberg table spec, "Default
// values", appendix D "JSON single-value serialization". Pure; any thread.
#pragma once

#include <string>

#include "base/json_reader.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

// Of fields of structs at any depth, those of lists and maps too. `schema` is NormalSchema's. 400:
// a value that is none of its column's type; columns of types that have none must have null.
Done CheckDefaults(const JsonValue& schema);

// "\n- Invalid initial default for a.b: ..." for every initial default: what a schema of a version
// before 3 may not have. Empty: there is none.
std::string InitialDefaultProblems(const JsonValue& schema);

}  // namespace tidemark::iceberg
