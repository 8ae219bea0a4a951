// `tidemark iceberg`: looks into a table and its files. A target that is a file is read as it is;
// any other is a table's name, whose metadata file the server tells.
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "app/actions.h"
#include "app/catalog_client.h"
#include "app/commands.h"
#include "app/file_store.h"
#include "base/json_writer.h"
#include "engine/deletion_vector.h"
#include "env/posix/posix_clock.h"
#include "iceberg/fsck.h"
#include "lake/avro.h"
#include "lake/deflate.h"
#include "lake/puffin.h"
#include "ops/table_proof.h"

namespace tidemark::app {
namespace {

constexpr std::uint64_t kDumpedBytesMax = 256U << 20;
constexpr std::size_t kDumpedPlacesMax = 1'000;  // Of a deletion vector.
constexpr std::uint64_t kVerifyMemoryBytes = 512U << 20;

int FailIceberg(const std::string& action, const Error& error) {
  std::fprintf(stderr, "tidemark iceberg %s: %s\n", action.c_str(), error.message().c_str());
  switch (error.code()) {
    case Code::kNotFound:
      return kNotFound;
    case Code::kCorruption:
      return kCheckFailed;
    case Code::kUnimplemented:
    case Code::kInvalidArgument:
      return kRefused;
    default:
      return kFailed;
  }
}

// Where a table's metadata file is, and how its other files are found.
struct Target {
  std::string metadata_key;
  std::string metadata;  // Its bytes.
  std::shared_ptr<const FileStore> store = std::make_shared<FileStore>();
};

std::string FolderOf(const std::string& metadata_key) {
  const std::filesystem::path folder = std::filesystem::path(metadata_key).parent_path();
  return folder.parent_path().string();
}

// Nothing: it was told why, and `exit` says how it ends.
std::optional<Target> Find(const Remote& remote, const IcebergOptions& options, int* exit) {
  Target target;
  // As people write paths, or as catalogs give them.
  target.metadata_key = target.store->KeyOf(options.target).value_or(options.target);
  if (!std::filesystem::is_regular_file(target.metadata_key)) {
    const bool quoted = options.target.find('"') != std::string::npos;  // As names are written.
    const bool has_slash = options.target.find('/') != std::string::npos;
    if (!quoted && (has_slash || options.target.ends_with(".json"))) {
      *exit = FailIceberg(options.action, {Code::kNotFound, "there is no file " + options.target});
      return std::nullopt;
    }
    const std::string problem = TableName::Problem(options.target);
    if (!problem.empty()) {
      *exit = kUsage;
      std::fprintf(stderr, "tidemark iceberg %s: %s\n", options.action.c_str(), problem.c_str());
      return std::nullopt;
    }
    CatalogClient client(remote, "iceberg " + options.action);
    const auto loaded = client.LoadTable(TableName::Parse(options.target));
    *exit = client.exit();
    if (!loaded) return std::nullopt;
    const auto key = target.store->KeyOf(MemberOf(*loaded, "metadata-location").text());
    if (!key) {
      *exit = FailIceberg(options.action, key.error());
      return std::nullopt;
    }
    target.metadata_key = *key;
  }
  auto bytes = target.store->Get(target.metadata_key, lake::kMetadataBytesMax);
  if (!bytes) {
    *exit = FailIceberg(options.action, bytes.error());
    return std::nullopt;
  }
  const auto metadata = lake::ParseMetadata(*bytes);
  if (!metadata) {
    *exit = FailIceberg(options.action, metadata.error());
    return std::nullopt;
  }
  if (options.moved) {
    target.store = std::make_shared<FileStore>(metadata->location, FolderOf(target.metadata_key));
  }
  target.metadata = *std::move(bytes);
  return target;
}

int RunFsck(const Target& target, const IcebergOptions& options) {
  iceberg::FsckOptions how;
  how.head_only = options.head;
  how.size_of = [&](const std::string& key) { return target.store->SizeOf(key); };
  const auto report = iceberg::Fsck(*target.store, target.metadata_key, target.metadata, how);
  if (!report) return FailIceberg("fsck", report.error());
  if (options.json) {
    std::fputs(iceberg::FsckJson(*report).c_str(), stdout);
  } else {
    for (const iceberg::FsckProblem& problem : report->problems) {
      std::printf("%-8s %s: %s: %s\n", problem.warning ? "warning" : "error", problem.rule.c_str(),
                  problem.where.c_str(), problem.what.c_str());
    }
    std::printf(
        "%s: format v%d, %llu snapshots, %llu manifests, %llu data files with %llu records, "
        "%llu delete files; %llu errors, %llu warnings\n",
        report->errors == 0 ? "ok" : "damaged", report->format_version,
        static_cast<unsigned long long>(report->snapshots),
        static_cast<unsigned long long>(report->manifests),
        static_cast<unsigned long long>(report->data_files),
        static_cast<unsigned long long>(report->records),
        static_cast<unsigned long long>(report->delete_files),
        static_cast<unsigned long long>(report->errors),
        static_cast<unsigned long long>(report->warnings));
  }
  return report->errors == 0 ? kOk : kCheckFailed;
}

Result<ops::TableProof> Prove(const Target& target, const IcebergOptions& options) {
  query::CatalogTable table;
  TM_ASSIGN(auto metadata, lake::ParseMetadata(target.metadata));
  table.metadata = std::make_shared<const lake::TableMetadata>(std::move(metadata));
  table.store = target.store;
  const lake::Snapshot* snapshot = table.metadata->current();
  if (options.snapshot >= 0) {
    snapshot = table.metadata->FindSnapshot(SnapshotId(options.snapshot));
    if (snapshot == nullptr) {
      return Fail(Code::kNotFound, "the table has no snapshot " + std::to_string(options.snapshot));
    }
  }
  const env::PosixClock clock;
  TM_ASSIGN(const auto engine, engine::Instance::Open({kVerifyMemoryBytes, 2, ""}, &clock));
  const FileStore& store = *target.store;
  engine::DeleteFiles deletes(engine.get(), [&](std::string_view path) {
    return store.KeyOf(path).value_or(std::string(path));
  });
  return ops::ProveTable(table, snapshot, engine.get(), &deletes);
}

int RunVerifyTable(const Target& target, const IcebergOptions& options) {
  const auto proof = Prove(target, options);
  if (!proof) return FailIceberg("verify", proof.error());
  if (options.json) {
    std::fputs(ops::TableProofJson(*proof).c_str(), stdout);
  } else {
    for (const std::string& problem : proof->problems)
      std::printf("error    %s\n", problem.c_str());
    std::printf("%s: %llu files with %llu records, %llu of them deleted: %llu rows\n",
                proof->problem_count == 0 ? "ok" : "wrong",
                static_cast<unsigned long long>(proof->files),
                static_cast<unsigned long long>(proof->records),
                static_cast<unsigned long long>(proof->deleted_rows),
                static_cast<unsigned long long>(proof->rows));
  }
  return proof->problem_count == 0 ? kOk : kCheckFailed;
}

void WriteTexts(std::string_view name, const std::map<std::string, std::string>& texts,
                JsonWriter* out) {
  out->Key(name).BeginObject();
  for (const auto& [key, text] : texts) {
    // Schemas and the like are JSON in a text.
    const auto json = JsonValue::Parse(text);
    out->Key(key);
    json && (json->is_object() || json->is_array()) ? out->Raw(json->ToJson()) : out->String(text);
  }
  out->EndObject();
}

Status DumpAvro(std::string_view bytes, JsonWriter* out) {
  TM_ASSIGN(const auto reader, lake::avro::Reader::Open(bytes));
  out->BeginObject().Field("format", "avro");
  WriteTexts("header", reader.header(), out);
  out->Key("records").BeginArray();
  TM_TRY(reader.ForEach([&](lake::avro::Decoder* in) { in->ToJson(reader.schema(), out); }));
  out->EndArray().EndObject();
  return {};
}

// The first places of a deletion vector and how many there are.
Status DumpVector(std::string_view blob, JsonWriter* out) {
  std::string places;
  JsonWriter list(&places);
  list.BeginArray();
  std::size_t left = kDumpedPlacesMax;
  TM_ASSIGN(const std::uint64_t count,
            engine::VisitVector(blob, [&](std::uint64_t place) -> Status {
              if (left > 0) list.Uint(place);
              left -= left > 0 ? 1 : 0;
              return {};
            }));
  list.EndArray();
  out->Field("deleted-rows", count).Key("places").Raw(places);
  return {};
}

Status DumpPuffin(std::string_view bytes, JsonWriter* out) {
  TM_ASSIGN(const lake::Puffin puffin, lake::ParsePuffin(bytes));
  out->BeginObject().Field("format", "puffin");
  WriteTexts("properties", puffin.properties, out);
  out->Key("blobs").BeginArray();
  for (const lake::PuffinBlob& blob : puffin.blobs) {
    out->BeginObject().Field("type", std::string_view(blob.type));
    out->Key("fields").BeginArray();
    for (const std::int32_t id : blob.fields) out->Int(id);
    out->EndArray();
    out->Field("snapshot-id", blob.snapshot).Field("sequence-number", blob.sequence_number);
    out->Field("offset", blob.offset).Field("length", blob.length);
    if (!blob.codec.empty()) out->Field("compression-codec", std::string_view(blob.codec));
    WriteTexts("properties", blob.properties, out);
    TM_ASSIGN(const std::string content, lake::BlobOf(bytes, blob));
    if (blob.type == lake::kDeletionVectorBlob) TM_TRY(DumpVector(content, out));
    out->EndObject();
  }
  out->EndArray().EndObject();
  return {};
}

Result<std::string> Dump(const std::string& path) {
  TM_ASSIGN(const std::string key, FileStore().KeyOf(path));
  TM_ASSIGN(const std::string bytes, FileStore().Get(key, kDumpedBytesMax));
  std::string text;
  JsonWriter out(&text);
  if (bytes.starts_with("Obj\x01")) {
    TM_TRY(DumpAvro(bytes, &out));
  } else if (lake::IsPuffin(bytes)) {
    TM_TRY(DumpPuffin(bytes, &out));
  } else {
    std::string inflated = bytes;
    if (bytes.starts_with("\x1f\x8b")) {
      TM_ASSIGN(inflated, lake::Inflate(bytes, lake::DeflateForm::kGzip, kDumpedBytesMax));
    }
    const auto json = JsonValue::Parse(inflated);
    if (!json) {
      return Fail(Code::kCorruption,
                  path + " is no Avro, Puffin or JSON file: " + json.error().message());
    }
    text = json->ToJson();
  }
  return text + "\n";
}

int RunDump(const std::string& path) {
  const auto text = Dump(path);
  if (!text) return FailIceberg("dump", text.error());
  std::fputs(text->c_str(), stdout);
  return kOk;
}

}  // namespace

void AddIcebergOptions(CLI::App* app, IcebergOptions* options,
                       const std::function<void(CLI::App*)>& add_remote) {
  app->require_subcommand(1);
  for (const auto& [name, what] :
       {std::pair{"fsck", "Walk a table down to its files and name what does not agree"},
        std::pair{"verify", "Count a snapshot's rows again by reading them"}}) {
    CLI::App* one = AddAction(app, &options->action, name, what, add_remote);
    one->add_option("target", options->target, "A metadata file, or namespace.table of the server")
        ->required();
    one->add_flag("--moved", options->moved,
                  "The table was copied: its files lie beside the metadata file");
    one->add_flag("--json", options->json, "Print the report as JSON");
  }
  app->get_subcommand("fsck")->add_flag("--head", options->head,
                                        "The current snapshot alone; no search for orphans");
  app->get_subcommand("verify")->add_option("--snapshot", options->snapshot,
                                            "Its id; default: the current one");
  CLI::App* dump = app->add_subcommand("dump", "Print any file of a table as JSON");
  dump->callback([options] { options->action = "dump"; });
  dump->add_option("file", options->target, "Metadata, manifest list, manifest or Puffin file")
      ->required();
}

int RunIceberg(const Remote& remote, const IcebergOptions& options) {
  if (options.action == "dump") return RunDump(options.target);
  int exit = kOk;
  const auto target = Find(remote, options, &exit);
  if (!target) return exit;
  return options.action == "fsck" ? RunFsck(*target, options) : RunVerifyTable(*target, options);
}

}  // namespace tidemark::app
