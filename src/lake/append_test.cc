// An append becomes the next head and nothing else: reopening what was committed gives the head
// that was published; a lost attempt can be built again; what an interrupted one left goes away.
#include "lake/append.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "lake/known_parts.h"
#include "lake/names.h"
#include "lake/snapshot_files.h"
#include "lake/table.h"
#include "lake/table_columns.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::lake {
namespace {

class AppendTest : public testing::Test {
 protected:
  void SetUp() override {
    auto record = CreateTable(&store_, {.uuid = MakeUuidV7(TimeMicros(1), 1, 1),
                                        .ns = "default",
                                        .log_id = "log",
                                        .epoch = Epoch(1),
                                        .now = kNow});
    ASSERT_OK(record);
    record_ = *record;
    Open();
  }
  void Open() {
    bool restored = false;
    auto head = OpenTable(&store_, record_, event::EventsSchema(), &restored);
    ASSERT_OK(head);
    EXPECT_FALSE(restored);
    head_ = *head;
  }
  NewFile File(Partition partition, std::uint64_t rows) {
    NewFile file;
    file.key = record_.location + "/" + DataFilePath(partition, MakeUuidV4(1, ++files_made_), 0);
    EXPECT_OK(store_.Put(file.key, "PAR1"));
    file.partition = partition;
    file.bytes = 4;
    file.split_offsets = {4};
    file.metrics.rows = rows;
    file.metrics.rows_hash = {rows, 1};
    file.metrics.columns.resize(event::kColumnCount);
    ColumnMetrics& type = file.metrics.columns[Index(event::Column::kEventType)];
    type.values = rows;
    type.lower = "click";
    type.upper = "view";
    return file;
  }
  AppendRequest Request(std::uint64_t number, std::int64_t end, std::vector<NewFile> files) {
    AppendRequest request;
    request.flush_id = MakeUuidV7(kNow, number, number);
    request.snapshot_id = SnapshotId(static_cast<std::int64_t>(number));
    request.log_id = "log";
    request.epoch = Epoch(1);
    request.begin = head_->visible();
    request.end = LogOffset(end);
    request.files = std::move(files);
    return request;
  }
  // What the catalog does.
  void Apply(const PreparedCommit& commit) {
    const catalog::TableChange& change = commit.change;
    ASSERT_EQ(change.base_version, record_.metadata_version);
    ASSERT_EQ(change.ledger->begin, record_.visible());
    ++record_.metadata_version;
    record_.metadata_key = change.metadata_key;
    record_.metadata_bytes = change.metadata_bytes;
    record_.epoch = change.epoch;
    record_.head = change.head;
    record_.floor = change.floor;
    record_.off_head = change.ledger->end;
    head_ = commit.next;
  }
  void Commit(const AppendRequest& request) {
    auto append = Append::Prepare(&store_, *head_, request);
    ASSERT_OK(append);
    const auto commit = append->Build(*head_, 1, kNow, kNow);
    ASSERT_OK(commit);
    for (const auto& one : commit->change.garbage) garbage_.push_back(one.key);
    Apply(*commit);
  }
  void Flush(std::uint64_t number, std::int64_t end, std::vector<NewFile> files) {
    Commit(Request(number, end, std::move(files)));
  }
  static std::vector<std::string> Keys(const TableHead& head) {
    std::vector<std::string> keys;
    head.files->ForEach([&](const LiveFile& file) {
      keys.push_back(file.key + " " + std::to_string(file.rows) + " " +
                     std::to_string(file.sequence_number) + " " +
                     std::to_string(file.partition.value_or(-1)));
    });
    std::ranges::sort(keys);
    return keys;
  }
  void ExpectReopensTheSame() {
    const auto published = head_;
    Open();
    EXPECT_EQ(Keys(*head_), Keys(*published));
    EXPECT_EQ(WriteMetadataJson(*head_->metadata), WriteMetadataJson(*published->metadata));
    ASSERT_EQ(head_->manifests.size(), published->manifests.size());
    for (std::size_t i = 0; i < head_->manifests.size(); ++i) {
      EXPECT_EQ(head_->manifests[i].path, published->manifests[i].path);
      EXPECT_EQ(head_->manifests[i].sequence_number, published->manifests[i].sequence_number);
      EXPECT_EQ(head_->manifests[i].min_sequence_number,
                published->manifests[i].min_sequence_number);
      EXPECT_EQ(head_->manifests[i].live_files(), published->manifests[i].live_files());
    }
  }

  static constexpr TimeMicros kNow{1'795'225'877'887'000};
  sim::SimDisk disk_{1};
  env::LocalStore store_{&disk_, "lake"};
  catalog::TableRecord record_;
  std::shared_ptr<const TableHead> head_;
  std::uint64_t files_made_ = 0;
  std::vector<std::string> garbage_;
};

std::shared_ptr<const event::TableSchema> WithKept(const event::TableSchema& columns,
                                                   std::vector<event::KeptPath> paths) {
  auto next = std::make_shared<event::TableSchema>(columns);
  next->kept.field_id = 32;
  next->kept.paths = std::move(paths);
  return next;
}

TEST_F(AppendTest, QueriesSeeColumnsOfOthersBehindOurOwn) {
  EXPECT_EQ(WithOthers(*head_->metadata, head_->columns), head_->columns);
  TableMetadata metadata = *head_->metadata;
  Schema schema = *metadata.schemas.back();
  std::vector<SchemaField>& fields = schema.fields;
  fields.insert(fields.begin(), {40, "note", false, "string"});
  fields.push_back({41, "day", false, "date"});  // Not a type of ours.
  fields.push_back({42, "rank", false, "int"});
  metadata.schemas.back() = std::make_shared<const Schema>(std::move(schema));
  const auto columns = WithOthers(metadata, head_->columns);
  ASSERT_EQ(columns->columns.size(), head_->columns->columns.size() + 2);
  EXPECT_EQ(columns->Find("note"), event::kColumnCount);
  EXPECT_EQ(columns->columns.back().name, "rank");
  EXPECT_EQ(columns->columns.back().type, event::Type::kInt32);
  EXPECT_EQ(columns->timestamp, head_->columns->timestamp);
}

TEST_F(AppendTest, KeptPathsComeIntoTheSchemaWithTheCommitOfTheirFirstFiles) {
  NewFile file = File({kSpecHour, 498673}, 10);
  file.kept = {{33, 10, 4}};
  AppendRequest request = Request(1, 10, {file});
  request.columns =
      WithKept(*head_->columns, {{{"cart", "a b"}, event::Type::kDouble, 33, "cart"}});
  request.last_column_id = head_->metadata->last_column_id;
  request.schema_id = head_->metadata->current_schema_id;
  auto append = Append::Prepare(&store_, *head_, request);
  ASSERT_OK(append);
  EXPECT_TRUE(append->Fits(*head_));
  const auto commit = append->Build(*head_, 1, kNow, kNow);
  ASSERT_OK(commit);
  Apply(*commit);
  ExpectReopensTheSame();
  EXPECT_EQ(head_->metadata->current_schema_id, 1);
  EXPECT_EQ(head_->metadata->last_column_id, 33);
  EXPECT_EQ(head_->metadata->FindSchema(0)->fields.size(), event::kColumnCount);
  EXPECT_EQ(head_->metadata->current()->schema_id, 1);
  const event::KeptPaths& kept = head_->columns->kept;
  ASSERT_EQ(kept.paths.size(), 1U);
  EXPECT_EQ(kept.field_id, 32);
  EXPECT_EQ(kept.paths[0].keys, (std::vector<std::string>{"cart", "a b"}));
  EXPECT_EQ(kept.paths[0].type, event::Type::kDouble);
  head_->files->ForEach([](const LiveFile& live) {
    ASSERT_NE(live.added, nullptr);
    EXPECT_EQ(*live.added, std::vector<std::int32_t>{33});
  });
  // A plan whose new field ids somebody else has taken is given up.
  AppendRequest stale = Request(2, 20, {File({kSpecHour, 498673}, 10)});
  stale.columns = WithKept(*head_->columns, {{{"x"}, event::Type::kString, 33, "x"}});
  stale.last_column_id = 31;
  EXPECT_CODE(Append::Prepare(&store_, *head_, stale), Code::kConflict);
  // What is not changed is not written again.
  Flush(3, 20, {File({kSpecHour, 498673}, 10)});
  EXPECT_EQ(head_->metadata->schemas.size(), 2U);
  EXPECT_EQ(head_->columns->kept.paths.size(), 1U);
}

std::shared_ptr<event::TableSchema> WithPromoted(const event::TableSchema& columns,
                                                 std::int32_t field_id, const std::string& key) {
  auto next = std::make_shared<event::TableSchema>(columns);
  ++next->promotions;
  next->columns.push_back({key + "_column", event::Type::kInt64, false, field_id});
  next->promoted.push_back({key, field_id, next->promotions, {}});
  return next;
}

TEST_F(AppendTest, PromotedPropertiesComeIntoTheSchemaWithACommitOfNoRows) {
  AppendRequest request = Request(1, 0, {});
  request.columns = WithPromoted(*head_->columns, 32, "amount");
  request.last_column_id = head_->metadata->last_column_id;
  request.schema_id = head_->metadata->current_schema_id;
  Commit(request);
  ExpectReopensTheSame();
  EXPECT_EQ(head_->visible(), LogOffset(0));
  EXPECT_EQ(head_->metadata->last_column_id, 32);
  const auto& columns = *head_->columns;
  EXPECT_EQ(columns.promotions, 1U);
  ASSERT_EQ(columns.promoted.size(), 1U);
  EXPECT_EQ(columns.promoted[0].key, "amount");
  EXPECT_EQ(columns.promoted[0].number, 1U);
  EXPECT_FALSE(columns.promoted[0].since);
  EXPECT_EQ(columns.Find("amount_column"), event::kColumnCount);
  // Columns of others come behind it, and it is none of theirs.
  EXPECT_EQ(WithOthers(*head_->metadata, head_->columns), head_->columns);
  // Since when it is there is told by the table too, without another schema.
  AppendRequest noted = Request(2, 10, {});
  auto known = std::make_shared<event::TableSchema>(columns);
  known->promoted[0].since = LogOffset(7);
  noted.columns = known;
  noted.last_column_id = 32;
  noted.schema_id = 1;
  Commit(noted);
  ExpectReopensTheSame();
  EXPECT_EQ(head_->columns->promoted.at(0).since, LogOffset(7));
  EXPECT_EQ(head_->metadata->schemas.size(), 2U);
  // A plan that was made on another schema is given up.
  AppendRequest stale = Request(3, 20, {});
  stale.columns = WithPromoted(*head_->columns, 33, "plan");
  stale.last_column_id = 32;
  stale.schema_id = 0;
  EXPECT_CODE(Append::Prepare(&store_, *head_, stale), Code::kConflict);
}

TEST_F(AppendTest, AColumnThatWasDroppedIsNoneOfOursAndItsNumberIsNotUsedAgain) {
  TableMetadata metadata = *head_->metadata;
  const auto promoted = WithPromoted(*head_->columns, 32, "amount");
  Evolve(&metadata, *promoted);
  EXPECT_EQ(ColumnsOf(metadata, event::EventsSchema())->promoted.size(), 1U);
  Schema schema = *metadata.schemas.back();
  std::erase_if(schema.fields, [](const SchemaField& field) { return field.id == 32; });
  metadata.schemas.back() = std::make_shared<const Schema>(std::move(schema));
  const auto dropped = ColumnsOf(metadata, event::EventsSchema());
  EXPECT_TRUE(dropped->promoted.empty());
  EXPECT_EQ(dropped->columns.size(), event::kColumnCount);
  EXPECT_EQ(dropped->promotions, 1U);
  for (const char* damaged : {"", "{", "{\"last\":1,\"columns\":[{}]}", "[]"}) {
    metadata.properties[std::string(kPropertyPromoted)] = damaged;
    EXPECT_TRUE(ColumnsOf(metadata, event::EventsSchema())->promoted.empty()) << damaged;
  }
}

TEST_F(AppendTest, AReplacementPutsFilesInThePlaceOfOthersAndMovesNoOffset) {
  const NewFile one = File({kSpecHour, 498673}, 10);
  const NewFile two = File({kSpecHour, 498674}, 20);
  Flush(1, 30, {one, two});
  Flush(2, 40, {File({kSpecHour, 498673}, 10)});
  const std::int64_t sequence = head_->metadata->last_sequence_number;
  AppendRequest request = Request(3, 40, {File({kSpecHour, 498673}, 10)});
  request.replaced = {one.key};
  request.replaced_sequence = sequence;
  auto append = Append::Prepare(&store_, *head_, request);
  ASSERT_OK(append);
  // A flush that came first is no hindrance.
  Flush(4, 50, {File({kSpecHour, 498675}, 10)});
  EXPECT_CODE(append->Build(*head_, 1, kNow, kNow), Code::kConflict);  // Its begin has moved.
  request = Request(6, 50, request.files);
  request.replaced = {one.key};
  request.replaced_sequence = sequence;
  append = Append::Prepare(&store_, *head_, request);
  ASSERT_OK(append);
  const auto commit = append->Build(*head_, 1, kNow, kNow);
  ASSERT_OK(commit);
  EXPECT_EQ(commit->change.ledger->kind, catalog::CommitKind::kCompact);
  EXPECT_EQ(commit->change.ledger->rows, 0U);
  Apply(*commit);
  ExpectReopensTheSame();
  EXPECT_EQ(head_->visible(), LogOffset(50));
  EXPECT_EQ(head_->files->count(), 4U);
  EXPECT_EQ(head_->files->rows(), 50U);
  EXPECT_EQ(head_->metadata->current()->Summary("operation"), "replace");
  EXPECT_EQ(head_->metadata->current()->Summary("deleted-data-files"), "1");
  head_->files->ForEach([&](const LiveFile& file) {
    EXPECT_NE(file.key, one.key);
    const bool is_new = file.key == request.files[0].key;
    EXPECT_EQ(file.sequence_number == sequence, is_new || file.sequence_number == 2);
  });
  // The ledger that the table itself tells has each row once.
  const auto found = FindNewestMetadata(store_, record_.location);
  ASSERT_OK(found);
  std::uint64_t rows = 0;
  for (const catalog::LedgerRow& row : found->ledger) rows += row.rows;
  EXPECT_EQ(rows, 50U);
  // What is gone cannot be replaced again.
  AppendRequest again = Request(5, 50, {File({kSpecHour, 498673}, 10)});
  again.replaced = {one.key};
  EXPECT_CODE(Append::Prepare(&store_, *head_, again), Code::kConflict);
}

TEST_F(AppendTest, AFileOfAnotherEngineIsNotTrustedToHaveEveryKeptValue) {
  ManifestEntry entry;
  entry.file.value_counts = {{1, 5}, {33, 5}};
  entry.file.path =
      store_.Uri("default/events-1/data/00000-0-" + MakeUuidV4(1, 2).ToString() + ".parquet");
  EXPECT_EQ(LiveFileOf(entry, 0, store_).added, nullptr);
  entry.file.path = store_.Uri("default/events-1/" + DataFilePath({}, MakeUuidV4(1, 2), 7));
  ASSERT_NE(LiveFileOf(entry, 0, store_).added, nullptr);
}

TEST_F(AppendTest, TheCommittedHeadIsThePublishedOneEvenAfterACrash) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60), File({kSpecDay, 20000}, 40)});
  Flush(12, 150, {File({kSpecHour, 498674}, 50)});
  disk_.Crash();
  ExpectReopensTheSame();
  EXPECT_EQ(head_->files->count(), 3U);
  EXPECT_EQ(head_->files->rows(), 150U);
  EXPECT_EQ(head_->manifests.size(), 3U);
  const Snapshot* snapshot = head_->metadata->current();
  EXPECT_EQ(snapshot->Summary("total-records"), "150");
  EXPECT_EQ(snapshot->Summary("added-records"), "50");
  EXPECT_EQ(snapshot->Summary(kSummaryOffsets), R"({"v":1,"p":{"0":150}})");
  EXPECT_EQ(snapshot->Summary(kSummaryBegin), R"({"v":1,"p":{"0":100}})");
  EXPECT_EQ(head_->metadata->Property(kPropertyOffsets), R"({"v":1,"p":{"0":150}})");
  EXPECT_EQ(head_->visible(), LogOffset(150));
  head_->files->ForEach([](const LiveFile& file) {
    EXPECT_TRUE(file.in_store);
    ASSERT_NE(file.bounds, nullptr);
    const engine::ColumnBound type = file.bounds->Find(Info(event::Column::kEventType).field_id);
    EXPECT_EQ(type.lower, "click");
    EXPECT_EQ(type.upper, "view");
  });
}

TEST_F(AppendTest, OffsetsMoveOnWithoutRows) {
  Flush(11, 100, {});
  EXPECT_EQ(head_->visible(), LogOffset(100));
  EXPECT_EQ(head_->metadata->current()->Summary("operation"), "append");
  ExpectReopensTheSame();
}

TEST_F(AppendTest, AStalePlanIsAConflict) {
  auto late = Append::Prepare(&store_, *head_, Request(11, 100, {}));
  ASSERT_OK(late);
  Flush(12, 50, {});
  EXPECT_CODE(late->Build(*head_, 1, kNow, kNow), Code::kConflict);
}

TEST_F(AppendTest, ALostAttemptIsBuiltAgainOnAnotherHeadWithTheSameManifests) {
  auto append = Append::Prepare(&store_, *head_, Request(11, 100, {File({kSpecHour, 498673}, 60)}));
  ASSERT_OK(append);
  const auto lost = append->Build(*head_, 1, kNow, kNow);
  ASSERT_OK(lost);
  // Someone else's commit that moves no offsets comes in between.
  Flush(12, 0, {File({kSpecHour, 498673}, 5)});
  const auto won = append->Build(*head_, 2, kNow, kNow);
  ASSERT_OK(won);
  Apply(*won);
  ExpectReopensTheSame();
  EXPECT_EQ(head_->files->rows(), 65U);
  EXPECT_EQ(head_->manifests.at(0).sequence_number, 2);
  EXPECT_EQ(store_.KeyOf(head_->manifests.at(0).path), append->manifest_keys().at(0));
  for (const std::string& key : lost->attempt_keys) {
    EXPECT_EQ(std::ranges::count(won->attempt_keys, key), 0);
  }
}

TEST_F(AppendTest, ManifestsAreMergedAndNoFileIsLost) {
  for (std::uint64_t i = 1; i <= 250; ++i) {
    Flush(i, static_cast<std::int64_t>(i), {File({kSpecHour, static_cast<std::int32_t>(i)}, i)});
    EXPECT_LE(head_->manifests.size(), kManifestsBeforeMerge);
  }
  EXPECT_EQ(head_->files->count(), 250U);
  EXPECT_EQ(head_->files->rows(), 250U * 251U / 2);
  ExpectReopensTheSame();
  // A file keeps the sequence number of the commit that brought it.
  head_->files->ForEach([](const LiveFile& file) {
    EXPECT_EQ(file.sequence_number, static_cast<std::int64_t>(file.rows));
  });
  EXPECT_EQ(head_->metadata->metadata_log.size(), kMetadataLogMax);
  EXPECT_EQ(garbage_.size(), 250U - kMetadataLogMax);
  for (const std::string& key : garbage_) EXPECT_TRUE(*store_.Exists(key)) << key;
}

TEST_F(AppendTest, ALostOrDamagedMetadataFileIsWrittenAgain) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60)});
  ASSERT_OK(store_.Remove(record_.metadata_key));
  bool restored = false;
  ASSERT_OK(OpenTable(&store_, record_, event::EventsSchema(), &restored));
  EXPECT_TRUE(restored);
  Open();
  ASSERT_OK(store_.Remove(record_.metadata_key));
  ASSERT_OK(store_.Put(record_.metadata_key, "rot"));
  ASSERT_OK(OpenTable(&store_, record_, event::EventsSchema(), &restored));
  EXPECT_TRUE(restored);
  Open();
}

TEST_F(AppendTest, AHeadIsReadButNotParsedAgain) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60), File({kSpecDay, 20778}, 40)});
  Flush(12, 150, {File({kSpecHour, 498674}, 50)});
  KnownParts known;
  bool restored = false;
  const auto first = OpenTable(&store_, record_, event::EventsSchema(), &restored, nullptr, &known);
  const auto again = OpenTable(&store_, record_, event::EventsSchema(), &restored, nullptr, &known);
  ASSERT_OK(first);
  ASSERT_OK(again);
  const auto bounds = [](const TableHead& head) {
    std::map<std::string, const engine::ColumnBounds*> files;
    head.files->ForEach([&](const LiveFile& file) { files[file.key] = file.bounds.get(); });
    return files;
  };
  EXPECT_EQ(bounds(**first).size(), 3U);
  EXPECT_EQ(bounds(**again), bounds(**first));
  EXPECT_EQ((*again)->manifests.size(), (*first)->manifests.size());
  EXPECT_EQ((*again)->metadata->snapshots, (*first)->metadata->snapshots);
  // What is gone from the store is missed all the same.
  ASSERT_OK(store_.Remove(*store_.KeyOf(head_->manifests.at(0).path)));
  EXPECT_CODE(OpenTable(&store_, record_, event::EventsSchema(), &restored, nullptr, &known),
              Code::kCorruption);
}

TEST_F(AppendTest, ADamagedManifestIsNamed) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60)});
  const std::string key = *store_.KeyOf(head_->manifests.at(0).path);
  ASSERT_OK(store_.Remove(key));
  bool restored = false;
  const auto head = OpenTable(&store_, record_, event::EventsSchema(), &restored);
  ASSERT_CODE(head, Code::kCorruption);
  EXPECT_NE(head.error().message().find(key), std::string::npos);
}

TEST_F(AppendTest, ACatalogThatDisagreesIsRefused) {
  Flush(11, 100, {});
  const catalog::TableRecord good = record_;
  bool restored = false;
  record_.off_head = LogOffset(99);
  EXPECT_CODE(OpenTable(&store_, record_, event::EventsSchema(), &restored), Code::kCorruption);
  record_ = good;
  record_.log_id = "another";
  EXPECT_CODE(OpenTable(&store_, record_, event::EventsSchema(), &restored), Code::kCorruption);
  record_ = good;
  record_.head = SnapshotId(12);
  EXPECT_CODE(OpenTable(&store_, record_, event::EventsSchema(), &restored), Code::kCorruption);
}

TEST_F(AppendTest, LeftoversOfAnInterruptedWriteGoAndNothingElseDoes) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60)});
  const auto before = *store_.List("default/");
  NewFile file = File({kSpecHour, 498674}, 5);
  catalog::Inflight inflight;
  const AppendRequest request = Request(12, 150, {file});
  inflight.id = request.flush_id;
  inflight.keys = {file.key, "default/never-written"};
  auto append = Append::Prepare(&store_, *head_, request);
  ASSERT_OK(append);
  ASSERT_OK(append->Build(*head_, 1, kNow, kNow));
  ASSERT_OK(append->Build(*head_, 2, kNow, kNow));
  EXPECT_EQ(store_.List("default/")->size(), before.size() + 6);
  ASSERT_OK(RemoveLeftovers(&store_, inflight, *head_));
  EXPECT_EQ(*store_.List("default/"), before);
  // A write that was committed keeps its files even if its record lingers.
  inflight.id = MakeUuidV7(kNow, 11, 11);
  inflight.keys.clear();
  ASSERT_OK(RemoveLeftovers(&store_, inflight, *head_));
  EXPECT_EQ(*store_.List("default/"), before);
}

TEST_F(AppendTest, TheCatalogIsRebuiltFromTheNewestMetadataThatVerifies) {
  Flush(11, 100, {File({kSpecHour, 498673}, 60)});
  Flush(12, 150, {File({kSpecHour, 498674}, 5)});
  const auto locations = FindTableLocations(store_, "default");
  ASSERT_OK(locations);
  ASSERT_EQ(locations->size(), 1U);
  auto found = FindNewestMetadata(store_, locations->front());
  ASSERT_OK(found);
  EXPECT_EQ(found->record.metadata_key, record_.metadata_key);
  EXPECT_EQ(found->record.metadata_version, record_.metadata_version);
  EXPECT_EQ(found->record.off_head, LogOffset(150));
  EXPECT_EQ(found->record.ns, "default");
  EXPECT_EQ(found->record.name, "events");
  EXPECT_EQ(found->record.epoch, Epoch(1));
  ASSERT_EQ(found->ledger.size(), 2U);
  EXPECT_EQ(found->ledger[1].begin, LogOffset(100));
  EXPECT_EQ(found->ledger[1].rows, 5U);
  EXPECT_EQ(found->ledger[1].rows_hash, (Hash128{5, 1}));
  bool restored = false;
  EXPECT_OK(OpenTable(&store_, found->record, event::EventsSchema(), &restored));
  // The newest does not verify without its list: the one before does.
  ASSERT_OK(store_.Remove(*store_.KeyOf(head_->metadata->current()->manifest_list)));
  found = FindNewestMetadata(store_, locations->front());
  ASSERT_OK(found);
  EXPECT_EQ(found->record.off_head, LogOffset(100));
}

TEST_F(AppendTest, ARebuiltLedgerSaysWhichCommitsItDoesNotKnow) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Flush(10 + i, static_cast<std::int64_t>(100 * i), {File({kSpecHour, 498673}, 60)});
  }
  TableMetadata metadata = *head_->metadata;
  const auto forget = [&](std::size_t at) {
    metadata.snapshots.erase(metadata.snapshots.begin() + static_cast<std::ptrdiff_t>(at));
  };
  // The first two, and the fourth: the third is one that a tag has kept.
  forget(3);
  forget(1);
  forget(0);
  ASSERT_OK(store_.Put(MetadataKey(record_.location, 90, record_.uuid, GzipsMetadata(metadata)),
                       WriteMetadataFile(metadata)));
  const auto found = FindNewestMetadata(store_, record_.location);
  ASSERT_OK(found);
  EXPECT_EQ(found->record.metadata_version, 90);
  std::vector<std::tuple<catalog::CommitKind, std::int64_t, std::int64_t>> ledger;
  std::set<std::pair<SnapshotId, Uuid>> ids;
  for (const catalog::LedgerRow& row : found->ledger) {
    ledger.emplace_back(row.kind, row.begin.value, row.end.value);
    ids.emplace(row.snapshot, row.commit_id);
  }
  using enum catalog::CommitKind;
  EXPECT_EQ(
      ledger,
      (decltype(ledger){
          {kForgotten, 0, 200}, {kFlush, 200, 300}, {kForgotten, 300, 400}, {kFlush, 400, 500}}));
  EXPECT_EQ(ids.size(), 4U);
}

TEST_F(AppendTest, OtherLogsAndVersionsAreRefused) {
  AppendRequest request = Request(11, 100, {});
  request.log_id = "another";
  EXPECT_CODE(Append::Prepare(&store_, *head_, request), Code::kInvalidArgument);
}

// Format v3: each row has an id of its own, for ever.
TEST_F(AppendTest, RowIdsOfVersion3FollowEachOther) {
  Flush(11, 100, {File({kSpecHour, 1}, 60)});  // Before the upgrade: without ids.
  auto metadata = std::make_shared<TableMetadata>(*head_->metadata);
  metadata->format_version = 3;
  metadata->properties[std::string(kPropertyManifestsBeforeMerge)] = "5";
  auto upgraded = std::make_shared<TableHead>(*head_);
  upgraded->metadata = metadata;
  head_ = upgraded;
  Flush(12, 200, {File({kSpecHour, 1}, 10), File({kSpecDay, 1}, 7)});
  EXPECT_EQ(head_->metadata->next_row_id, 77);
  EXPECT_EQ(head_->metadata->current()->first_row_id, 0);
  EXPECT_EQ(head_->metadata->current()->added_rows, 77);
  ExpectReopensTheSame();
  Flush(13, 200, {});
  EXPECT_EQ(head_->metadata->current()->first_row_id, 77);
  EXPECT_EQ(head_->metadata->current()->added_rows, 0);
  const auto ids = [&] {
    std::map<std::string, std::int64_t> first;
    EXPECT_OK(VisitFiles(store_, *head_->metadata, [&](const ManifestEntry& entry, std::int32_t) {
      first[entry.file.path] = entry.file.first_row_id.value_or(-1);
    }));
    return first;
  };
  const auto before = ids();
  ASSERT_EQ(before.size(), 3U);
  std::set<std::int64_t> distinct;
  for (const auto& [path, id] : before) distinct.insert(id);
  EXPECT_EQ(distinct, (std::set<std::int64_t>{0, 10, 17}));
  // Merged manifests keep them.
  for (std::uint64_t number = 14; number < 20; ++number) {
    Flush(number, static_cast<std::int64_t>(number) * 100, {File({kSpecHour, 2}, 5)});
  }
  EXPECT_LT(head_->manifests.size(), 6U);
  const auto after = ids();
  for (const auto& [path, id] : before) EXPECT_EQ(after.at(path), id) << path;
  distinct.clear();
  for (const auto& [path, id] : after) EXPECT_TRUE(distinct.insert(id).second) << path;
  ExpectReopensTheSame();
}

// A replacement writes manifests again that are of v2, in a table of v3.
TEST_F(AppendTest, AReplacementInATableThatWasRaisedKeepsWhatIsThere) {
  const NewFile one = File({kSpecHour, 1}, 10);
  const NewFile two = File({kSpecHour, 2}, 20);
  Flush(11, 30, {one, two});
  auto metadata = std::make_shared<TableMetadata>(*head_->metadata);
  metadata->format_version = 3;
  auto upgraded = std::make_shared<TableHead>(*head_);
  upgraded->metadata = metadata;
  head_ = upgraded;
  Flush(12, 40, {File({kSpecHour, 3}, 10)});
  const auto before = ReadLineage(store_, *head_->metadata);
  ASSERT_OK(before);
  ASSERT_EQ(before->size(), 3U);
  AppendRequest request = Request(13, 40, {File({kSpecHour, 1}, 10)});
  request.replaced = {one.key};
  request.replaced_sequence = head_->metadata->last_sequence_number;
  Commit(request);
  ExpectReopensTheSame();
  const auto after = ReadLineage(store_, *head_->metadata);
  ASSERT_OK(after);
  EXPECT_FALSE(after->contains(one.key));
  EXPECT_EQ(after->at(two.key).first_row_id, before->at(two.key).first_row_id);
  EXPECT_EQ(after->at(two.key).sequence_number, 1);
  EXPECT_EQ(head_->files->rows(), 40U);
}

TEST(NamesTest, AttemptsShareTheWritesNameButAreTold) {
  const Uuid id = MakeUuidV7(TimeMicros(1), 2, 3);
  EXPECT_EQ(AttemptId(id, 1), id);
  EXPECT_NE(AttemptId(id, 2), id);
  EXPECT_TRUE(IsNameOf(MetadataKey("a/b", 7, AttemptId(id, 300)), id));
  EXPECT_FALSE(IsNameOf(MetadataKey("a/b", 7, MakeUuidV7(TimeMicros(1), 9, 3)), id));
  EXPECT_EQ(VersionOf(MetadataKey("a/b", 123456, id)), 123456);
  EXPECT_EQ(VersionOf("a/b/metadata/snap-1.avro"), std::nullopt);
  EXPECT_GT(SnapshotIdOf(id), SnapshotId(0));
}

}  // namespace
}  // namespace tidemark::lake
