#include "iceberg/scan_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "iceberg/scan_filter.h"
#include "iceberg/scan_values.h"
#include "lake/deflate.h"
#include "lake/delete_index.h"

namespace tidemark::iceberg {
namespace {

using lake::EntryStatus;
using lake::FileContent;
using lake::ManifestEntry;
using lake::ManifestFile;
using lake::Snapshot;

constexpr int kTokenLevel = 1;

// What a client asked, with its snapshot settled.
struct Question {
  std::optional<std::int64_t> snapshot;  // Nothing: the table is empty.
  std::optional<std::int64_t> after;     // Only what snapshots after this one appended.
  JsonValue filter = JsonValue::Flag(true);
  bool case_sensitive = true;
  bool snapshot_schema = false;
  std::optional<std::int64_t> rows_wanted;
};

Outcome<const Snapshot*> Required(const lake::TableMetadata& metadata, std::int64_t id) {
  const Snapshot* snapshot = metadata.FindSnapshot(SnapshotId(id));
  if (snapshot != nullptr) return snapshot;
  return NotValid("Cannot find snapshot " + std::to_string(id) + ": it is not in the table");
}

Outcome<std::optional<std::int64_t>> OptionalInt(const JsonValue& request, std::string_view name) {
  const JsonValue& value = MemberOf(request, name);
  if (value.is_null()) return std::optional<std::int64_t>();
  if (!value.Int())
    return BadRequest("Cannot parse " + std::string(name) + ": it must be a number");
  return value.Int();
}

Outcome<Question> ReadQuestion(const lake::TableMetadata& metadata, const JsonValue& request) {
  Question question;
  ICE_ASSIGN(question.snapshot, OptionalInt(request, "snapshot-id"));
  ICE_ASSIGN(question.after, OptionalInt(request, "start-snapshot-id"));
  ICE_ASSIGN(const auto end, OptionalInt(request, "end-snapshot-id"));
  ICE_ASSIGN(question.rows_wanted, OptionalInt(request, "min-rows-requested"));
  if (question.after.has_value() != end.has_value()) {
    return BadRequest("start-snapshot-id and end-snapshot-id go together");
  }
  if (end && question.snapshot) {
    return BadRequest("A scan is of snapshot-id, or from start- to end-snapshot-id: not both");
  }
  if (end) question.snapshot = end;
  if (question.snapshot) ICE_TRY(Required(metadata, *question.snapshot));
  if (question.after) ICE_TRY(Required(metadata, *question.after));
  if (!question.snapshot && metadata.current_snapshot_id) {
    question.snapshot = metadata.current_snapshot_id->value;
  }
  question.case_sensitive = MemberOf(request, "case-sensitive").Bool().value_or(true);
  question.snapshot_schema = MemberOf(request, "use-snapshot-schema").Bool().value_or(false);
  if (const JsonValue* filter = request.Find("filter"); filter && !filter->is_null()) {
    question.filter = *filter;
  }
  return question;
}

// A question and some of its manifests as text that is safe in a URL.
std::string TokenOf(const Question& question, std::size_t first, std::size_t count) {
  std::string json;
  JsonWriter out(&json);
  out.BeginObject();
  if (question.snapshot) out.Field("snapshot-id", *question.snapshot);
  if (question.after) out.Field("start", *question.after);
  out.Key("filter").Raw(question.filter.ToJson());
  out.Field("case-sensitive", question.case_sensitive);
  out.Field("use-snapshot-schema", question.snapshot_schema);
  out.Field("first", first).Field("count", count).EndObject();
  return ToBase64(AsBytes(lake::Deflate(json, lake::DeflateForm::kRaw, kTokenLevel)), true);
}

struct Token {
  Question question;
  std::size_t first = 0;
  std::size_t count = 0;
};

std::optional<Token> ReadToken(std::string_view text) {
  const auto packed = FromBase64(text);
  if (!packed) return std::nullopt;
  const auto bytes = lake::Inflate(*packed, lake::DeflateForm::kRaw, kPlanTokenBytesMax);
  if (!bytes) return std::nullopt;
  const auto json = JsonValue::Parse(*bytes);
  if (!json || !json->is_object()) return std::nullopt;
  const std::int64_t first = IntOr(*json, "first", -1);
  const std::int64_t count = IntOr(*json, "count", -1);
  const JsonValue* filter = json->Find("filter");
  if (first < 0 || count < 0 || filter == nullptr) return std::nullopt;
  Token token;
  token.first = static_cast<std::size_t>(first);
  token.count = static_cast<std::size_t>(count);
  token.question.snapshot = MemberOf(*json, "snapshot-id").Int();
  token.question.after = MemberOf(*json, "start").Int();
  token.question.filter = *filter;
  token.question.case_sensitive = MemberOf(*json, "case-sensitive").Bool().value_or(true);
  token.question.snapshot_schema = MemberOf(*json, "use-snapshot-schema").Bool().value_or(false);
  return token;
}

// Fields by id; those of later schemas win.
Outcome<FieldIndex> FieldsOf(const std::vector<const lake::Schema*>& schemas) {
  FieldIndex all;
  for (const lake::Schema* schema : schemas) {
    auto json = JsonValue::Parse(schema->json);
    ICE_TRY(json);
    ICE_ASSIGN(const JsonValue normal, NormalSchema(*json));
    for (auto& [id, field] : IndexFields(normal)) all.insert_or_assign(id, std::move(field));
  }
  return all;
}

class Planner {
 public:
  Planner(const ScanTable& table, const Question& question)
      : table_(table), metadata_(*table.metadata), question_(question) {}

  // Finds the manifests that matter.
  Done Open() {
    if (metadata_.format_version > 3) {
      return Refuse(406, "UnsupportedOperationException",
                    "The server plans scans of tables of formats 1 to 3 only: plan on the client "
                    "(scan-planning-mode=client)");
    }
    ICE_TRY(ReadSchemas());
    if (!question_.snapshot) return {};
    ICE_ASSIGN(const Snapshot* snapshot, Required(metadata_, *question_.snapshot));
    if (question_.after) {
      ICE_TRY(FindAppended(snapshot));
    } else {
      ICE_ASSIGN(const auto all, ReadManifestList(*table_.locations, snapshot->manifest_list));
      for (const ManifestFile& manifest : all) {
        (manifest.is_deletes ? deletes_ : data_).push_back(manifest);
      }
    }
    std::erase_if(data_, [&](const ManifestFile& manifest) {
      const auto spec = specs_.find(manifest.spec_id);
      return spec != specs_.end() && !filter_.MayMatch(manifest, spec->second);
    });
    return {};
  }

  // The answer with the first manifests; the others are in plan tasks.
  Outcome<std::string> Answer() {
    std::vector<std::pair<std::size_t, std::size_t>> groups = Groups();
    std::string json;
    JsonWriter out(&json);
    out.BeginObject().Field("status", "completed");
    const std::string id = TokenOf(question_, 0, 0);
    if (id.size() <= kPlanIdBytesMax) out.Field("plan-id", std::string_view(id));
    const auto first = groups.empty() ? std::pair<std::size_t, std::size_t>() : groups.front();
    ICE_TRY(WriteTasks(first.first, first.second, &out));
    if (groups.size() > 1 && !enough_) {
      out.Key("plan-tasks").BeginArray();
      for (std::size_t i = 1; i < groups.size(); ++i) {
        out.String(TokenOf(question_, groups[i].first, groups[i].second));
      }
      out.EndArray();
    }
    out.EndObject();
    return json;
  }

  Outcome<std::string> Tasks(std::size_t first, std::size_t count) {
    if (first > data_.size() || count > data_.size() - first) {
      return Refuse(404, "NoSuchPlanTaskException", "The plan has no such task");
    }
    std::string json;
    JsonWriter out(&json);
    out.BeginObject();
    ICE_TRY(WriteTasks(first, count, &out));
    out.EndObject();
    return json;
  }

 private:
  // A delete file by LiveDelete's key; of a file of deletion vectors, where one of them begins.
  using DeleteKey = std::pair<std::string, std::int64_t>;
  static constexpr std::int64_t kWhole = -1;
  static std::int64_t PlaceOf(const lake::DataFile& file) {
    return lake::IsVector(file) ? file.content_offset.value_or(kWhole) : kWhole;
  }
  struct Task {
    const ManifestEntry* entry = nullptr;
    std::int32_t spec_id = 0;
    std::vector<std::size_t> deletes;  // Places in the answer's list.
  };
  struct DeleteFile {
    const ManifestEntry* entry = nullptr;
    std::int32_t spec_id = 0;
  };

  Done ReadSchemas() {
    std::vector<const lake::Schema*> all;
    for (const auto& schema : metadata_.schemas) all.push_back(schema.get());
    ICE_ASSIGN(const FieldIndex every, FieldsOf(all));
    for (const lake::PartitionSpec& spec : metadata_.specs) {
      specs_.emplace(spec.spec_id, ScanSpecOf(spec, every));
    }
    std::int32_t schema_id = metadata_.current_schema_id;
    if (question_.snapshot_schema && question_.snapshot) {
      ICE_ASSIGN(const Snapshot* snapshot, Required(metadata_, *question_.snapshot));
      schema_id = snapshot->schema_id.value_or(schema_id);
    }
    const lake::Schema* schema = metadata_.FindSchema(schema_id);
    if (schema == nullptr) return NotValid("The table has no schema " + std::to_string(schema_id));
    ICE_ASSIGN(const FieldIndex fields, FieldsOf({schema}));
    ICE_ASSIGN(filter_, ScanFilter::Read(question_.filter, fields, question_.case_sensitive));
    return {};
  }

  // The manifests that each append after `after` added itself.
  Done FindAppended(const Snapshot* snapshot) {
    std::int64_t steps = 0;
    while (snapshot->id.value != *question_.after) {
      if (++steps > kIncrementalSnapshotsMax) {
        return BadRequest("An incremental scan spans at most " +
                          std::to_string(kIncrementalSnapshotsMax) + " snapshots: ask in parts");
      }
      if (snapshot->Summary("operation") == "append") {
        ICE_ASSIGN(const auto all, ReadManifestList(*table_.locations, snapshot->manifest_list));
        for (const ManifestFile& manifest : all) {
          if (!manifest.is_deletes && manifest.added_snapshot == snapshot->id) {
            data_.push_back(manifest);
          }
        }
        appended_by_.insert(snapshot->id.value);
      }
      const Snapshot* parent =
          snapshot->parent ? metadata_.FindSnapshot(*snapshot->parent) : nullptr;
      if (parent == nullptr) {
        return NotValid("Snapshot " + std::to_string(*question_.after) + " is not an ancestor of " +
                        std::to_string(*question_.snapshot));
      }
      snapshot = parent;
    }
    return {};
  }

  // First manifest and number of manifests.
  std::vector<std::pair<std::size_t, std::size_t>> Groups() const {
    std::vector<std::pair<std::size_t, std::size_t>> groups;
    std::size_t files = 0;
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const bool full = files >= kTaskFiles && groups.size() < kPlanTasksMax;
      if (groups.empty() || full) {
        groups.emplace_back(i, 0);
        files = 0;
      }
      ++groups.back().second;
      files += static_cast<std::size_t>(std::max(data_[i].live_files(), 0));
    }
    return groups;
  }

  bool IsLive(const ManifestEntry& entry) const {
    if (!question_.after) return entry.status != EntryStatus::kDeleted;
    return entry.status == EntryStatus::kAdded && entry.snapshot &&
           appended_by_.contains(entry.snapshot->value);
  }

  Done ReadDeletes() {
    ICE_ASSIGN(const Locations::Place place, table_.locations->Resolve(metadata_.location));
    store_ = place.store;
    index_.emplace(store_);
    ICE_ASSIGN(delete_contents_, table_.manifests->Read(*table_.locations, deletes_));
    for (std::size_t i = 0; i < deletes_.size(); ++i) {
      const lake::PartitionSpec* spec = metadata_.FindSpec(deletes_[i].spec_id);
      if (spec == nullptr) return UnknownSpec(deletes_[i]);
      for (const ManifestEntry& entry : delete_contents_[i]->entries) {
        if (entry.status == EntryStatus::kDeleted) continue;
        ICE_TRY(CheckMayRead(entry.file.path));
        ICE_TRY(index_->Add(entry, *spec));
        const auto key = store_->KeyOf(entry.file.path);
        delete_files_[{key ? *key : entry.file.path, PlaceOf(entry.file)}] = {&entry,
                                                                              deletes_[i].spec_id};
      }
    }
    return {};
  }

  // Where the server has no files the client finds out itself.
  Done CheckMayRead(const std::string& path) const {
    auto place = table_.locations->Resolve(path);
    if (place || place.error().status == 400) return {};
    return tl::unexpected<Problem>(std::move(place).error());
  }

  static tl::unexpected<Problem> UnknownSpec(const ManifestFile& manifest) {
    return NotValid("Manifest " + manifest.path + " is of partition spec " +
                    std::to_string(manifest.spec_id) + ", which the table does not have");
  }

  // Fills tasks_ and the delete files that they need.
  Done FindTasks(std::size_t first, std::size_t count) {
    const auto begin = data_.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<ManifestFile> some(begin, begin + static_cast<std::ptrdiff_t>(count));
    ICE_ASSIGN(contents_, table_.manifests->Read(*table_.locations, some));
    std::map<DeleteKey, std::size_t> places;
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < some.size() && !enough_; ++i) {
      const auto spec = specs_.find(some[i].spec_id);
      if (spec == specs_.end()) return UnknownSpec(some[i]);
      for (std::size_t n = 0; n < contents_[i]->entries.size() && !enough_; ++n) {
        const ManifestEntry& entry = contents_[i]->entries[n];
        if (!IsLive(entry) || entry.file.content != FileContent::kData) continue;
        const auto tuple = lake::PartitionValuesOf(entry.file.partition_key);
        if (!filter_.MayMatch(contents_[i]->bounds[n].get(), tuple, spec->second)) continue;
        ICE_TRY(CheckMayRead(entry.file.path));
        Task& task = tasks_.emplace_back(Task{&entry, some[i].spec_id, {}});
        if (const auto deletes = index_->Of(entry, some[i].spec_id)) {
          for (const lake::LiveDelete& one : *deletes) {
            const std::int64_t at =
                one.vector ? static_cast<std::int64_t>(one.vector->offset) : kWhole;
            const auto found = delete_files_.find({one.key, at});
            const auto [place, fresh] = places.try_emplace(found->first, needed_.size());
            if (fresh) needed_.push_back(found->second);
            task.deletes.push_back(place->second);
          }
        }
        rows += entry.file.rows;
        enough_ = Unfiltered() && question_.rows_wanted && rows >= *question_.rows_wanted;
      }
    }
    return {};
  }

  // Every row of a task counts: a client that wants some needs no more tasks.
  bool Unfiltered() const { return question_.filter.Bool() == true && deletes_.empty(); }

  Done WriteTasks(std::size_t first, std::size_t count, JsonWriter* out) {
    if (question_.snapshot) {
      ICE_TRY(ReadDeletes());
      ICE_TRY(FindTasks(first, count));
    }
    if (!needed_.empty()) {
      out->Key("delete-files").BeginArray();
      for (const DeleteFile& file : needed_) WriteFile(*file.entry, file.spec_id, out);
      out->EndArray();
    }
    const std::string residual = question_.filter.ToJson();
    out->Key("file-scan-tasks").BeginArray();
    for (const Task& task : tasks_) {
      out->BeginObject().Key("data-file");
      WriteFile(*task.entry, task.spec_id, out);
      if (!task.deletes.empty()) {
        out->Key("delete-file-references").BeginArray();
        for (const std::size_t place : task.deletes) out->Uint(place);
        out->EndArray();
      }
      out->Key("residual-filter").Raw(residual).EndObject();
    }
    out->EndArray();
    return {};
  }

  void WriteFile(const ManifestEntry& entry, std::int32_t spec_id, JsonWriter* out) const {
    static constexpr const char* kContents[] = {"data", "position-deletes", "equality-deletes"};
    const lake::DataFile& file = entry.file;
    out->BeginObject().Field("spec-id", spec_id);
    out->Field("content", kContents[static_cast<std::size_t>(file.content)]);
    out->Field("file-path", std::string_view(file.path));
    out->Field("file-format", std::string_view(LowerCase(file.format)));
    out->Key("partition").BeginArray();
    const std::vector<ScanPartitionField>& fields = specs_.at(spec_id).fields;
    auto tuple = lake::PartitionValuesOf(file.partition_key);
    tuple.resize(fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      WriteValue(fields[i].result_type, tuple[i], out);
    }
    out->EndArray().Field("file-size-in-bytes", file.bytes).Field("record-count", file.rows);
    if (!file.split_offsets.empty()) {
      out->Key("split-offsets").BeginArray();
      for (const std::int64_t offset : file.split_offsets) out->Int(offset);
      out->EndArray();
    }
    if (!file.equality_ids.empty()) {
      out->Key("equality-ids").BeginArray();
      for (const std::int32_t id : file.equality_ids) out->Int(id);
      out->EndArray();
    }
    if (file.sort_order_id) out->Field("sort-order-id", *file.sort_order_id);
    if (file.referenced_file) {
      out->Field("referenced-data-file", std::string_view(*file.referenced_file));
    }
    if (lake::IsVector(file)) {
      out->Field("content-offset", file.content_offset.value_or(0));
      out->Field("content-size-in-bytes", file.content_bytes.value_or(0));
    }
    if (file.first_row_id) out->Field("first-row-id", *file.first_row_id);
    out->EndObject();
  }

  const ScanTable& table_;
  const lake::TableMetadata& metadata_;
  const Question& question_;
  std::map<std::int32_t, ScanSpec> specs_;
  ScanFilter filter_;
  std::vector<ManifestFile> data_;
  std::vector<ManifestFile> deletes_;
  std::set<std::int64_t> appended_by_;
  const env::ObjectStore* store_ = nullptr;
  std::optional<lake::DeleteIndex> index_;
  std::vector<SharedManifest> delete_contents_;  // What the pointers below point into.
  std::vector<SharedManifest> contents_;
  std::map<DeleteKey, DeleteFile> delete_files_;
  std::vector<Task> tasks_;
  std::vector<DeleteFile> needed_;
  bool enough_ = false;
};

Outcome<Token> RequireToken(const ScanTable& table, std::string_view text, std::string_view type,
                            std::string_view what) {
  auto token = ReadToken(text);
  const bool known =
      token && (!token->question.snapshot ||
                table.metadata->FindSnapshot(SnapshotId(*token->question.snapshot)) != nullptr);
  if (known) return *std::move(token);
  return Refuse(404, type,
                "There is no " + std::string(what) + " " + std::string(text.substr(0, 40)) +
                    ": its snapshot may have expired; plan the scan again");
}

constexpr std::string_view kNoPlan = "NoSuchPlanIdException";

}  // namespace

Outcome<std::string> PlanScan(const ScanTable& table, const JsonValue& request) {
  ICE_ASSIGN(const Question question, ReadQuestion(*table.metadata, request));
  Planner planner(table, question);
  ICE_TRY(planner.Open());
  return planner.Answer();
}

Outcome<std::string> PlanOfId(const ScanTable& table, std::string_view plan_id) {
  ICE_ASSIGN(const Token token, RequireToken(table, plan_id, kNoPlan, "plan"));
  Planner planner(table, token.question);
  ICE_TRY(planner.Open());
  return planner.Answer();
}

Done CheckPlanId(const ScanTable& table, std::string_view plan_id) {
  ICE_TRY(RequireToken(table, plan_id, kNoPlan, "plan"));
  return {};
}

Outcome<std::string> ScanTasksOf(const ScanTable& table, const JsonValue& request) {
  ICE_ASSIGN(const std::string task, request.StringAt("plan-task"));
  ICE_ASSIGN(const Token token, RequireToken(table, task, "NoSuchPlanTaskException", "plan task"));
  Planner planner(table, token.question);
  ICE_TRY(planner.Open());
  return planner.Tasks(token.first, token.count);
}

}  // namespace tidemark::iceberg
