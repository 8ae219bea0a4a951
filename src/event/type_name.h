// What a column's type is called in a table's schema. Source: Apache Iceberg specification,
// primitive types. Any thread.
#pragma once

#include <string_view>

#include "event/schema.h"

namespace tidemark::event {

inline std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kString:
      return "string";
    case Type::kTimestamp:
      return "timestamptz";
    case Type::kDouble:
      return "double";
    case Type::kInt32:
      return "int";
    case Type::kInt64:
      return "long";
    case Type::kBool:
      return "boolean";
  }
  return "string";
}

}  // namespace tidemark::event
