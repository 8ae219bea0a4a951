// What each step of an event's way costs in one thread's processor time, without server and disk:
// the step's answer is checked first. Two builds can be run in turns and compared.
//
//   ingest_micro STEP [ROUNDS [CODEC]]     json | hot | plan | learn | files | kept | metrics |
//                                          flush | all; snappy | zstd | none
//
// Prints nanoseconds an event, the least of the rounds, and a hash of what the step made: the same
// hash before and after a change means the same bytes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_traffic.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/memory_budget.h"
#include "engine/parquet.h"
#include "event/json_events.h"
#include "hot/table.h"
#include "lake/file_metrics.h"
#include "tide/flush_plan.h"
#include "tide/kept_paths.h"

namespace tidemark {
namespace {

constexpr TimeMicros kNow{1'795'225'877'887'000};
constexpr std::uint32_t kBodies = 100;
constexpr std::uint32_t kEventsABody = 1'000;
constexpr std::uint32_t kEvents = kBodies * kEventsABody;
constexpr std::size_t kFilesMax = 256;

double CpuNow() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// What the steps hand on.
struct Bench {
  std::vector<std::string> bodies;
  std::vector<std::string> batches;
  MemoryBudget budget{std::numeric_limits<std::uint64_t>::max() / 2};
  std::unique_ptr<hot::Table> table;
  std::vector<tide::PartitionRows> parts;
  event::KeptPaths kept;
  engine::DataCodec codec = engine::DataCodec::kZstd;
  std::unique_ptr<engine::DataFileWriter> writer = engine::MakeParquetWriter({});
  std::string folder;
};

void MakeBodies(Bench* bench) {
  app::DemoShape shape;
  shape.now = kNow;
  shape.late = 0.001;
  app::DemoTraffic traffic(shape);
  for (std::uint32_t i = 0; i < kBodies; ++i) {
    std::string body = "[";
    for (std::uint32_t k = 0; k < kEventsABody; ++k) {
      if (k > 0) body += ',';
      traffic.Append(&body);
    }
    body += ']';
    body.reserve(body.size() + 64);
    bench->bodies.push_back(std::move(body));
  }
}

std::uint64_t HashOf(const std::vector<std::string>& pieces) {
  Hasher64 hasher;
  for (const std::string& piece : pieces) hasher.Add(piece);
  return hasher.Value();
}

// Every text of the first body as another reader of JSON finds it.
void CheckFirstBatch(const Bench& bench) {
  const auto body = JsonValue::Parse(bench.bodies.front());
  TM_CHECK(body.has_value());
  auto reader = event::BatchReader::Open(bench.batches.front());
  TM_CHECK(reader.has_value());
  event::EventView event;
  for (const JsonValue& wanted : body->items()) {
    TM_CHECK(*reader->Next(&event));
    for (const auto& [name, value] : wanted.members()) {
      const auto column = event::FindColumn(name);
      TM_CHECK(column.has_value() && event.Has(*column));
      if (value.is_string() && *column != event::Column::kTimestamp) {
        TM_CHECK(event.Text(*column) == value.text());
      }
      if (value.is_object()) TM_CHECK(event.Text(*column) == value.ToJson());
      if (value.is_number()) TM_CHECK(event.value == *value.Double());
    }
  }
  TM_CHECK(!*reader->Next(&event));
}

std::uint64_t Json(Bench* bench) {
  std::uint64_t die = 7;
  event::JsonEventParser parser({}, [&die] { return die += 0x9E3779B97F4A7C15ULL; });
  bench->batches.clear();
  for (const std::string& body : bench->bodies) {
    event::BatchBuilder builder("default", kNow);
    builder.Reserve(body.size());
    const auto parsed = parser.Parse(body, {.project = "default", .received_at = kNow}, &builder);
    TM_CHECK(parsed.has_value() && parsed->accepted == kEventsABody);
    bench->batches.push_back(std::move(builder).Finish());
  }
  return HashOf(bench->batches);
}

std::uint64_t Hot(Bench* bench) {
  bench->parts.clear();
  bench->table = std::make_unique<hot::Table>("default", hot::TableOptions{}, &bench->budget);
  LogOffset next(0);
  for (const std::string& batch : bench->batches) {
    auto reader = event::BatchReader::Open(batch);
    TM_CHECK(reader.has_value());
    TM_CHECK(bench->table->Append(*reader, next, 0).has_value());
    next = next + static_cast<std::int64_t>(kEventsABody);
  }
  return bench->table->Publish()->row_count();
}

std::uint64_t Plan(Bench* bench) {
  const auto list = bench->table->Segments();
  auto parts = tide::PlanFlush(list->View(list->begin(), list->end()), kNow, kFilesMax);
  TM_CHECK(parts.has_value());
  bench->parts = *std::move(parts);
  return bench->parts.size();
}

// Finds the paths that a first flush of these rows would keep.
std::uint64_t Learn(Bench* bench) {
  const auto list = bench->table->Segments();
  const event::TableSchema& columns = *event::EventsSchema();
  const auto learned = tide::LearnKeptPaths(*list->View(list->begin(), list->end()), columns,
                                            columns.columns.back().field_id, {});
  if (learned) bench->kept = learned->kept;
  return bench->kept.paths.size();
}

std::uint64_t WriteFiles(Bench* bench, const event::KeptPaths& kept) {
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  for (const tide::PartitionRows& part : bench->parts) {
    const auto written =
        bench->writer->Write(*part.rows, kept, bench->codec, bench->folder + "/part.parquet");
    TM_CHECK(written.has_value());
    bytes += written->bytes;
    rows += written->rows;
  }
  TM_CHECK_EQ(rows, std::uint64_t{kEvents});
  return bytes;
}

std::uint64_t Files(Bench* bench) { return WriteFiles(bench, {}); }
std::uint64_t FilesWithKept(Bench* bench) { return WriteFiles(bench, bench->kept); }

std::uint64_t Metrics(Bench* bench) {
  Hash128 sum;
  std::uint64_t rows = 0;
  for (const tide::PartitionRows& part : bench->parts) {
    const lake::FileMetrics metrics = lake::MeasureRows(*part.rows);
    sum += metrics.rows_hash;
    rows += metrics.rows;
  }
  TM_CHECK_EQ(rows, std::uint64_t{kEvents});
  return sum.low;
}

// Files and metrics in one pass, as the tide does it.
std::uint64_t Flush(Bench* bench) {
  lake::MetricsCollector collector(*event::EventsSchema());
  std::uint64_t bytes = 0;
  Hash128 sum;
  for (const tide::PartitionRows& part : bench->parts) {
    lake::MeasuredRows rows(part.rows.get(), &collector);
    const auto written =
        bench->writer->Write(rows, bench->kept, bench->codec, bench->folder + "/part.parquet");
    TM_CHECK(written.has_value());
    bytes += written->bytes;
    sum += rows.Finish().rows_hash;
  }
  return bytes ^ sum.low;
}

using Step = std::uint64_t (*)(Bench*);
struct Named {
  const char* name;
  Step step;
};
constexpr Named kSteps[] = {{"json", Json},       {"hot", Hot},     {"plan", Plan},
                            {"learn", Learn},     {"files", Files}, {"kept", FilesWithKept},
                            {"metrics", Metrics}, {"flush", Flush}};

void Measure(const Named& named, Bench* bench, int rounds) {
  double best = std::numeric_limits<double>::max();
  std::uint64_t answer = 0;
  for (int i = 0; i < rounds; ++i) {
    const double begin = CpuNow();
    answer = named.step(bench);
    best = std::min(best, CpuNow() - begin);
  }
  std::printf("%-8s %8.0f ns/event  %016llx\n", named.name, best / kEvents,
              static_cast<unsigned long long>(answer));
}

engine::DataCodec CodecOf(const std::string& name) {
  if (name == "none") return engine::DataCodec::kUncompressed;
  return name == "snappy" ? engine::DataCodec::kSnappy : engine::DataCodec::kZstd;
}

int Run(const std::string& wanted, int rounds, const std::string& codec) {
  Bench bench;
  bench.codec = CodecOf(codec);
  bench.folder = std::filesystem::temp_directory_path() / "tidemark-micro-XXXXXX";
  TM_CHECK(::mkdtemp(bench.folder.data()) != nullptr);
  MakeBodies(&bench);
  Json(&bench);
  CheckFirstBatch(bench);
  Hot(&bench);
  Plan(&bench);
  Learn(&bench);
  int measured = 0;
  for (const Named& named : kSteps) {
    if (wanted != "all" && wanted != named.name) continue;
    Measure(named, &bench, rounds);
    ++measured;
  }
  std::filesystem::remove_all(bench.folder);
  return measured > 0 ? 0 : 2;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  return tidemark::Run(argc > 1 ? argv[1] : "all", argc > 2 ? std::atoi(argv[2]) : 7,
                       argc > 3 ? argv[3] : "zstd");
}
