// Projects, the tenants: a row each. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "meta/database.h"
#include "meta/project_name.h"

namespace tidemark::meta {

struct Project {
  std::string name;
  TimeMicros created;
};

class Projects {
 public:
  // Brings the tables of meta/ up to date. `database` must outlive the object.
  static Result<Projects> Open(Database* database);

  // kAlreadyExists, kInvalidArgument (bad name).
  Status Create(std::string_view name, TimeMicros now);
  Result<std::optional<Project>> Find(std::string_view name);
  // By name.
  Result<std::vector<Project>> List();

 private:
  explicit Projects(Database* database) : database_(database) {}
  Database* database_;
};

}  // namespace tidemark::meta
