// A store whose objects are only read. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "env/object_store.h"

namespace tidemark::app {

class ReadOnlyStore : public env::ObjectStore {
 public:
  Status Put(std::string_view /*key*/, std::string_view /*bytes*/) override { return ReadOnly(); }
  Status Remove(std::string_view /*key*/) override { return ReadOnly(); }
  Result<std::string> Stage(std::string_view /*key*/) override { return Fail(ReadOnly().error()); }
  Status Seal(std::string_view /*key*/) override { return ReadOnly(); }

 private:
  static Status ReadOnly() { return Fail(Code::kUnimplemented, "tables are only read here"); }
};

}  // namespace tidemark::app
