#include "meta/projects.h"

#include "meta/tables.h"

namespace tidemark::meta {

Result<Projects> Projects::Open(Database* database) {
  TM_TRY(MigrateTables(database));
  return Projects(database);
}

Status Projects::Create(std::string_view name, TimeMicros now) {
  if (!IsProjectName(name)) {
    return Fail(Code::kInvalidArgument,
                "a project's name has lower-case letters, digits, '_' and '-', begins with a "
                "letter or digit and has at most 64 characters");
  }
  TM_ASSIGN(Transaction transaction, database_->Begin());
  {
    TM_ASSIGN(Statement insert, transaction.Prepare("INSERT INTO project VALUES(?1,?2)"));
    const Status status = insert.Bind(1, name).Bind(2, now.value).Run();
    if (!status.has_value()) {
      if (status.error().code() != Code::kAlreadyExists) return status;
      return Fail(Code::kAlreadyExists, "project " + std::string(name) + " exists");
    }
  }
  return transaction.Commit();
}

Result<std::optional<Project>> Projects::Find(std::string_view name) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find, transaction.Prepare("SELECT created FROM project WHERE name=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, name).Step());
  if (!found) return std::optional<Project>();
  return std::optional<Project>(Project{std::string(name), TimeMicros(find.Int(0))});
}

Result<std::vector<Project>> Projects::List() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT name,created FROM project ORDER BY name"));
  std::vector<Project> projects;
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return projects;
    projects.push_back({std::string(list.Text(0)), TimeMicros(list.Int(1))});
  }
}

}  // namespace tidemark::meta
