// Writes an events table through the real disk and catalog, for other engines to read, and measures
// what a row and a commit cost.
//
//   lake_tool rows DIR     the rows of every data file as NDJSON beside where the file goes
//   lake_tool commit DIR   measures the same rows, appends the files (made from the NDJSON by the
//                          test) in several flushes and prints the metadata file's path
//   lake_tool read FILE    a metadata file, manifest or manifest list of any writer
//   lake_tool bench DIR    cost of a row's metrics, of a commit and of opening 10,000 files
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/json_writer.h"
#include "catalog/sqlite_catalog.h"
#include "env/local_store.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "env/random.h"
#include "lake/append.h"

namespace tidemark {
namespace {

using event::Column;
using event::ColumnView;
using event::StringRef;

constexpr TimeMicros kNow{1'795'225'877'887'000};

void Must(const Status& status) {
  if (status.has_value()) return;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  std::exit(1);
}
template <class T>
T Must(Result<T> result) {
  if (result.has_value()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
  std::exit(1);
}

// Rows as hot memory has them: dictionaries for columns that repeat, plain strings for those that
// do not, some columns empty.
class GeneratedRows final : public event::RowSource {
 public:
  GeneratedRows(std::uint64_t seed, std::size_t rows, std::int64_t first_offset, TimeMicros from)
      : rows_(rows) {
    env::Random random(seed);
    for (const event::ColumnInfo& info : event::kColumns) Fill(info, &random, first_offset, from);
  }
  std::size_t chunk_count() const override {
    return (rows_ + event::kChunkRows - 1) / event::kChunkRows;
  }
  std::size_t ChunkRows(std::size_t chunk) const override {
    return std::min(event::kChunkRows, rows_ - chunk * event::kChunkRows);
  }
  event::TimeRange ChunkTimes(std::size_t) const override { return {kTimeMin, kTimeMax}; }
  std::uint64_t row_count() const override { return rows_; }
  const event::TableSchema& schema() const override { return *event::EventsSchema(); }
  using RowSource::Read;
  ColumnView Read(std::size_t chunk, std::size_t column, event::ColumnScratch*) const override {
    const std::size_t first = chunk * event::kChunkRows;
    const ColumnData& data = columns_[column];
    ColumnView view;
    view.kind = data.kind;
    view.strings = data.strings.empty() ? nullptr : data.strings.data() + first;
    view.codes = data.codes.empty() ? nullptr : data.codes.data() + first;
    view.dictionary = data.dictionary.data();
    view.dictionary_size = static_cast<std::uint32_t>(data.dictionary.size());
    if (data.kind == ColumnView::Kind::kFixed) {
      const bool narrow = schema().columns[column].type == event::Type::kInt32;
      view.fixed = narrow ? static_cast<const void*>(data.narrow.data() + first)
                          : static_cast<const void*>(data.fixed.data() + first);
    }
    return view;
  }

  void AppendJson(std::size_t row, std::string* out) const {
    JsonWriter json(out);
    json.BeginObject();
    for (const event::ColumnInfo& info : event::kColumns) {
      const ColumnData& data = columns_[Index(info.column)];
      if (data.kind == ColumnView::Kind::kStrings) {
        json.Field(info.name, data.strings[row].view());
      } else if (data.kind == ColumnView::Kind::kDictionary && data.codes[row] != 0) {
        json.Field(info.name, data.dictionary[data.codes[row]].view());
      } else if (data.kind == ColumnView::Kind::kFixed && info.type == event::Type::kDouble) {
        double value = 0;
        std::memcpy(&value, &data.fixed[row], sizeof value);
        json.Field(info.name, value);
      } else if (data.kind == ColumnView::Kind::kFixed) {
        json.Field(info.name, data.narrow.empty() ? data.fixed[row] : data.narrow[row]);
      }
    }
    json.EndObject();
    out->push_back('\n');
  }
  TimeMicros time(std::size_t row) const {
    return TimeMicros(columns_[Index(Column::kTimestamp)].fixed[row]);
  }

 private:
  struct ColumnData {
    ColumnView::Kind kind = ColumnView::Kind::kNull;
    std::vector<StringRef> strings;
    std::vector<std::uint32_t> codes;
    std::vector<StringRef> dictionary;
    std::vector<std::int64_t> fixed;
    std::vector<std::int32_t> narrow;
  };
  StringRef Keep(std::string text) {
    texts_.push_back(std::make_unique<std::string>(std::move(text)));
    return StringRef::Of(*texts_.back());
  }
  void FillFixed(const event::ColumnInfo& info, env::Random* random, std::int64_t first_offset,
                 TimeMicros from, ColumnData* data) {
    data->kind = ColumnView::Kind::kFixed;
    for (std::size_t row = 0; row < rows_; ++row) {
      const auto n = static_cast<std::int64_t>(row);
      std::int64_t value = kNow.value;
      if (info.column == Column::kTimestamp) {
        value = from.value + static_cast<std::int64_t>(random->Below(kMicrosPerHour));
      } else if (info.column == Column::kLogOffset) {
        value = first_offset + n;
      } else if (info.type == event::Type::kDouble) {
        const double number = random->Unit() * 200 - 100;
        std::memcpy(&value, &number, sizeof value);
      }
      if (info.type == event::Type::kInt32) {
        data->narrow.push_back(0);
      } else {
        data->fixed.push_back(value);
      }
    }
  }
  void FillText(const event::ColumnInfo& info, env::Random* random, ColumnData* data) {
    const bool unique = info.column == Column::kEventId || info.column == Column::kProperties ||
                        info.column == Column::kSessionId;
    if (unique) {
      data->kind = ColumnView::Kind::kStrings;
      for (std::size_t row = 0; row < rows_; ++row) {
        const std::string id = MakeUuidV4(random->Next(), random->Next()).ToString();
        data->strings.push_back(Keep(info.column == Column::kProperties
                                         ? R"({"cart":{"items":3,"total":59.90},"id":")" + id +
                                               R"(","flags":["a","b"],"text":"some more text"})"
                                         : id));
      }
      return;
    }
    const std::size_t distinct = info.column == Column::kUserId ? 2000 : 20;
    data->kind = ColumnView::Kind::kDictionary;
    data->dictionary.push_back(StringRef::Of(""));
    for (std::size_t i = 0; i < distinct; ++i) {
      data->dictionary.push_back(
          Keep(std::string(info.name) + "_\u00fc_value_" + std::to_string(i)));
    }
    for (std::size_t row = 0; row < rows_; ++row) {
      const auto code = static_cast<std::uint32_t>(random->Below(distinct + 1));
      data->codes.push_back(info.required && code == 0 ? 1 : code);
    }
  }
  void Fill(const event::ColumnInfo& info, env::Random* random, std::int64_t first_offset,
            TimeMicros from) {
    ColumnData& data = columns_[Index(info.column)];
    if (info.type != event::Type::kString) {
      return FillFixed(info, random, first_offset, from, &data);
    }
    // Seven columns that this kind of event does not have.
    if (Index(info.column) >= Index(Column::kUtmSource) &&
        Index(info.column) <= Index(Column::kUtmCampaign)) {
      return;
    }
    if (info.column == Column::kSearchQuery || info.column == Column::kTransactionId) return;
    FillText(info, random, &data);
  }

  std::size_t rows_;
  std::array<ColumnData, event::kColumnCount> columns_;
  std::vector<std::unique_ptr<std::string>> texts_;
};

constexpr std::size_t kFlushes = 5;
constexpr std::size_t kRowsAFile = 3000;

struct PlannedFile {
  std::string key;
  lake::Partition partition;
  std::unique_ptr<GeneratedRows> rows;
};

// One file of now, one of last week, one of last year in each flush.
std::vector<PlannedFile> PlanFlush(const std::string& location, std::size_t flush) {
  std::vector<PlannedFile> files;
  const std::int64_t ages[] = {0, 10, 400};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::int64_t hours = FloorDiv(kNow.value, kMicrosPerHour) - 1 - ages[i] * 24;
    const TimeMicros from(hours * kMicrosPerHour);
    const lake::Partition partition = lake::PartitionFor(from, kNow);
    const auto first = static_cast<std::int64_t>((flush * 3 + i) * kRowsAFile);
    files.push_back({location + "/" + lake::DataFilePath(partition, MakeUuidV7(kNow, flush, i), i),
                     partition,
                     std::make_unique<GeneratedRows>(flush * 10 + i, kRowsAFile, first, from)});
  }
  return files;
}

struct World {
  std::unique_ptr<env::Disk> disk;
  std::unique_ptr<env::LocalStore> store;
  std::unique_ptr<meta::Database> database;
  std::unique_ptr<catalog::SqliteCatalog> catalog;
  catalog::TableRecord record;
  std::shared_ptr<const lake::TableHead> head;
  Epoch epoch;

  explicit World(const std::string& folder) {
    disk = Must(env::OpenPosixDisk(folder));
    store = std::make_unique<env::LocalStore>(disk.get(), "lake");
    database = Must(meta::Database::Open(disk->NativePath("meta.db")));
    catalog = Must(catalog::SqliteCatalog::Open(database.get()));
    epoch = Must(catalog->BeginEpoch("log"));
    auto found = Must(catalog->FindTable("default", "events"));
    if (!found.has_value()) {
      record = Must(lake::CreateTable(store.get(), {.uuid = MakeUuidV7(kNow, 5, 7),
                                                    .ns = "default",
                                                    .log_id = "log",
                                                    .epoch = epoch,
                                                    .now = kNow}));
      Must(catalog->CreateTable(record));
    } else {
      record = *std::move(found);
    }
    bool restored = false;
    head = Must(lake::OpenTable(store.get(), record, event::EventsSchema(), &restored));
  }
  void Commit(lake::AppendRequest request) {
    request.snapshot_id = lake::SnapshotIdOf(request.flush_id);
    request.log_id = "log";
    request.epoch = epoch;
    request.begin = head->visible();
    request.watermark = kNow;
    auto append = Must(lake::Append::Prepare(store.get(), *head, std::move(request)));
    const auto commit = Must(append.Build(*head, 1, kNow, kNow));
    Must(catalog->Commit(std::span(&commit.change, 1)));
    head = commit.next;
  }
};

void WriteRows(World* world) {
  for (std::size_t flush = 0; flush < kFlushes; ++flush) {
    for (const PlannedFile& file : PlanFlush(world->record.location, flush)) {
      std::string text;
      for (std::size_t row = 0; row < kRowsAFile; ++row) file.rows->AppendJson(row, &text);
      Must(world->store->Put(file.key + ".ndjson", text));
    }
  }
}

void CommitFiles(World* world) {
  for (std::size_t flush = 0; flush < kFlushes; ++flush) {
    lake::AppendRequest request;
    request.flush_id = MakeUuidV7(kNow, 77, flush);
    request.end = LogOffset(static_cast<std::int64_t>((flush + 1) * 3 * kRowsAFile));
    for (const PlannedFile& planned : PlanFlush(world->record.location, flush)) {
      lake::NewFile& file = request.files.emplace_back();
      file.key = planned.key;
      file.partition = planned.partition;
      file.metrics = lake::MeasureRows(*planned.rows);
      file.bytes = Must(world->store->Get(planned.key, 1U << 30)).size();
    }
    world->Commit(std::move(request));
  }
  std::printf("%s\n", world->store->NativePath(world->head->metadata_key).c_str());
}

double Micros(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

// Processor time, not wall time: other work on the machine does not count.
double CpuMicros() { return static_cast<double>(std::clock()) * 1e6 / CLOCKS_PER_SEC; }

void BenchRows() {
  constexpr std::size_t kRows = 200'000;
  const GeneratedRows rows(1, kRows, 0, kNow);
  for (int round = 0; round < 5; ++round) {
    const double begin = CpuMicros();
    const lake::FileMetrics metrics = lake::MeasureRows(rows);
    std::printf("metrics and hash: %.0f CPU ns a row (%s)\n", (CpuMicros() - begin) * 1000 / kRows,
                metrics.rows_hash.ToString().c_str());
  }
}

void BenchCommits(World* world, const env::PosixClock& clock) {
  const GeneratedRows rows(1, 3000, 0, kNow);
  const lake::FileMetrics metrics = lake::MeasureRows(rows);
  constexpr std::size_t kCommits = 600;
  constexpr std::size_t kFilesACommit = 18;
  std::vector<double> times;
  std::vector<double> cpu_times;
  for (std::size_t i = 0; i < kCommits; ++i) {
    lake::AppendRequest request;
    request.flush_id = MakeUuidV7(kNow, i * 7919, i);
    request.end = world->head->visible() + 100;
    for (std::uint32_t n = 0; n < kFilesACommit; ++n) {
      lake::NewFile& file = request.files.emplace_back();
      file.partition = {lake::kSpecHour, static_cast<std::int32_t>(400'000 + i)};
      file.key =
          world->record.location + "/" + lake::DataFilePath(file.partition, request.flush_id, n);
      file.metrics = metrics;
      file.bytes = 100'000;
      file.split_offsets = {4};
    }
    const Duration begin = clock.Now();
    const double cpu_begin = CpuMicros();
    world->Commit(std::move(request));
    times.push_back(Micros(clock.Now() - begin) / 1000);
    cpu_times.push_back((CpuMicros() - cpu_begin) / 1000);
  }
  const auto print = [&](const char* name, const std::vector<double>& all, std::size_t from,
                         std::size_t to) {
    std::vector<double> part(all.begin() + static_cast<std::ptrdiff_t>(from),
                             all.begin() + static_cast<std::ptrdiff_t>(to));
    std::sort(part.begin(), part.end());
    std::printf("commit %s: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", name, part[part.size() / 2],
                part[part.size() * 99 / 100], part.back());
  };
  print("1-100, wall", times, 0, 100);
  print("501-600, wall", times, 500, 600);
  print("1-100, processor", cpu_times, 0, 100);
  print("501-600, processor", cpu_times, 500, 600);
  std::printf("%zu files, %zu manifests, %zu snapshots, metadata %zu bytes gzipped\n",
              world->head->files->count(), world->head->manifests.size(),
              world->head->metadata->snapshots.size(),
              Must(world->store->Get(world->head->metadata_key, 1U << 30)).size());
  const auto record = *Must(world->catalog->FindTable("default", "events"));
  const Duration begin = clock.Now();
  bool restored = false;
  Must(lake::OpenTable(world->store.get(), record, event::EventsSchema(), &restored));
  std::printf("open: %.1f ms\n", Micros(clock.Now() - begin) / 1000);
}

// What a file of another writer says, in one line.
Result<std::string> Describe(const std::string& name, const std::string& bytes) {
  if (name.ends_with(".json")) {
    TM_ASSIGN(const lake::TableMetadata metadata, lake::ParseMetadata(bytes));
    TM_TRY(lake::ParseMetadata(lake::WriteMetadataFile(metadata)));
    return "metadata, version " + std::to_string(metadata.format_version) + ", " +
           std::to_string(metadata.snapshots.size()) + " snapshots";
  }
  TM_ASSIGN(const auto manifests, lake::ReadManifestList(bytes));
  return "manifest list, " + std::to_string(manifests.size()) + " manifests";
}

int Read(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const auto disk = Must(env::OpenPosixDisk(path.substr(0, slash)));
  const std::string name = path.substr(slash + 1);
  const std::string bytes = Must(env::ReadFile(*disk, name, 1U << 30));
  auto described = Describe(name, bytes);
  if (!described.has_value()) {
    auto entries = lake::ReadManifest(bytes, {});
    if (entries.has_value()) {
      described = "manifest, " + std::to_string(entries->size()) + " entries";
    }
  }
  std::printf("%s\n",
              described.has_value() ? described->c_str() : described.error().ToString().c_str());
  return described.has_value() ? 0 : 1;
}

int Run(const std::string& command, const std::string& folder) {
  if (command == "read") return Read(folder);
  World world(folder);
  if (command == "rows") {
    WriteRows(&world);
  } else if (command == "commit") {
    CommitFiles(&world);
  } else {
    const env::PosixClock clock;
    BenchRows();
    BenchCommits(&world, clock);
  }
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: lake_tool rows|commit|read|bench DIR or FILE\n", stderr);
    return 2;
  }
  return tidemark::Run(argv[1], argv[2]);
}
