// Which files a snapshot of others may name, rule by rule.
#include "iceberg/admission.h"

#include <gtest/gtest.h>

#include "event/schema.h"
#include "lake/bounds.h"
#include "lake/delete_index.h"

namespace tidemark::iceberg {
namespace {

using lake::EntryStatus;
using lake::FileContent;
using lake::ManifestEntry;

constexpr std::int64_t kSnapshot = 20;
constexpr std::int64_t kSequence = 2;
constexpr std::int32_t kOffsetId = 31;

ManifestEntry Entry(EntryStatus status, std::string path, std::int64_t snapshot,
                    std::int64_t sequence) {
  ManifestEntry entry;
  entry.status = status;
  entry.snapshot = SnapshotId(snapshot);
  entry.sequence_number = entry.file_sequence_number = sequence;
  entry.file.path = std::move(path);
  entry.file.partition_fields = {1000};
  entry.file.partition_key = "hour 1";
  entry.file.rows = 10;
  entry.file.bytes = 100;
  entry.file.null_counts = {{kOffsetId, 10}};
  return entry;
}
void SetOffsets(ManifestEntry* entry, std::int64_t first, std::int64_t last) {
  entry->file.null_counts = {{kOffsetId, 0}};
  entry->file.lower_bounds = {{kOffsetId, lake::BoundOf(first)}};
  entry->file.upper_bounds = {{kOffsetId, lake::BoundOf(last)}};
}

// A table with the files a (offsets 0 to 9) and b (10 to 19) in one manifest; then a snapshot.
class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest()
      : metadata_(lake::MakeTableMetadata({.uuid = MakeUuidV4(1, 2),
                                           .location_uri = "file:///w/t",
                                           .log_id = "log",
                                           .floor = LogOffset(0),
                                           .now = TimeMicros(0)})) {
    ManifestEntry a = Entry(EntryStatus::kAdded, "a", 10, 1);
    ManifestEntry b = Entry(EntryStatus::kAdded, "b", 10, 1);
    SetOffsets(&a, 0, 9);
    SetOffsets(&b, 10, 19);
    Put(&before_, "m1", {a, b});
    after_ = before_;
  }
  static void Put(SnapshotEntries* files, std::string path, std::vector<ManifestEntry> entries,
                  bool deletes = false) {
    lake::ManifestFile manifest;
    manifest.path = std::move(path);
    manifest.is_deletes = deletes;
    for (const ManifestEntry& entry : entries) {
      manifest.added_files += entry.status == EntryStatus::kAdded ? 1 : 0;
    }
    files->manifests.push_back(std::move(manifest));
    files->entries.push_back(
        std::make_shared<const std::vector<ManifestEntry>>(std::move(entries)));
  }
  void Add(std::vector<ManifestEntry> entries, bool deletes = false) {
    Put(&after_, "m2", std::move(entries), deletes);
  }
  // What replaces m1: `entries`.
  void Rewrite(std::vector<ManifestEntry> entries) {
    after_ = {};
    Add(std::move(entries));
  }
  static ManifestEntry New(std::string path) {
    return Entry(EntryStatus::kAdded, std::move(path), kSnapshot, kSequence);
  }
  static ManifestEntry Gone(std::string path) {
    return Entry(EntryStatus::kDeleted, std::move(path), kSnapshot, 1);
  }
  static ManifestEntry Stays(std::string path) {
    return Entry(EntryStatus::kExisting, std::move(path), 10, 1);
  }
  static ManifestEntry Positions(std::string path, std::string of) {
    ManifestEntry entry = New(std::move(path));
    entry.file.content = FileContent::kPositionDeletes;
    entry.file.rows = 3;
    if (!of.empty()) entry.file.referenced_file = std::move(of);
    return entry;
  }
  // "+rows -rows deleted", or what was refused.
  std::string Run(std::string operation, bool equality_deletes = false) {
    AdmissionRequest request;
    request.before = &before_;
    request.after = &after_;
    request.metadata = &metadata_;
    request.snapshot = kSnapshot;
    request.sequence_number = kSequence;
    request.operation = std::move(operation);
    request.equality_deletes = equality_deletes;
    const auto admitted = Admit(request);
    if (!admitted) {
      return std::to_string(admitted.error().status) + " " + admitted.error().message;
    }
    return "+" + std::to_string(admitted->added_rows) + " -" +
           std::to_string(admitted->removed_rows) + " " + std::to_string(admitted->deleted_rows);
  }
  void ExpectRefused(const std::string& answer, std::string_view start) {
    EXPECT_TRUE(answer.starts_with(start)) << answer;
  }

  lake::TableMetadata metadata_;
  SnapshotEntries before_;
  SnapshotEntries after_;
};

TEST_F(AdmissionTest, OneFileHasManySpellings) {
  before_ = after_ = {};
  Put(&before_, "m1", {Entry(EntryStatus::kAdded, "file:///w/a", 10, 1)});
  after_ = before_;
  Add({New("file:/w/a")});
  ExpectRefused(Run("append"), "400 A2");
  Rewrite({Gone("file:/w/a"), New("/w/b")});
  EXPECT_EQ(Run("overwrite"), "+10 -10 0");
}

TEST_F(AdmissionTest, H13AnAppendIsTaken) {
  Add({New("c")});
  EXPECT_EQ(Run("append"), "+10 -0 0");
}

TEST_F(AdmissionTest, H14RewritingAFileIsTaken) {
  ManifestEntry c = New("c");
  SetOffsets(&c, 2, 8);  // What is left of a.
  Rewrite({c, Gone("a"), Stays("b")});
  EXPECT_EQ(Run("overwrite"), "+10 -10 0");
  EXPECT_EQ(Run("replace"), "+10 -10 0");
}

TEST_F(AdmissionTest, H15A1APartitionOfAnotherSpecIsRefused) {
  ManifestEntry positions = Positions("d", "a");
  positions.file.partition_fields = {1000, 1001, 1002};  // As DuckDB 1.5.5 writes it.
  Add({positions}, true);
  const std::string answer = Run("delete");
  ExpectRefused(answer, "400 A1");
  EXPECT_NE(answer.find("duckdb-iceberg#1274"), std::string::npos);
}

TEST_F(AdmissionTest, H15A2AFileIsNotThereTwice) {
  Add({New("a")});
  ExpectRefused(Run("append"), "400 A2");
  after_ = before_;
  Add({New("c"), New("c")});
  ExpectRefused(Run("append"), "400 A2");
}

TEST_F(AdmissionTest, H15A3CountsAgree) {
  Add({New("c")});
  after_.manifests.back().added_files = 2;
  ExpectRefused(Run("append"), "400 A3");
  after_ = before_;
  ManifestEntry c = New("c");
  c.file.bytes = 0;
  Add({c});
  ExpectRefused(Run("append"), "400 A3");
  after_ = before_;
  Add({Positions("d", "a")}, false);
  ExpectRefused(Run("delete"), "400 A3");
}

TEST_F(AdmissionTest, H15A4PositionsAreOfAFileOfTheSamePartition) {
  Add({Positions("d", "a")}, true);
  EXPECT_EQ(Run("delete"), "+0 -0 3");
  after_ = before_;
  Add({Positions("d", "nowhere")}, true);
  ExpectRefused(Run("delete"), "409 A4");
  after_ = before_;
  ManifestEntry other = Positions("d", "a");
  other.file.partition_key = "hour 2";
  Add({other}, true);
  ExpectRefused(Run("delete"), "400 A4");
}

TEST_F(AdmissionTest, H15A5WhatIsRemovedOrKeptWasThere) {
  Rewrite({Stays("a"), Stays("b"), Gone("z")});
  ExpectRefused(Run("delete"), "409 A5");
  Rewrite({Stays("a"), Stays("b"), Stays("z")});
  ExpectRefused(Run("replace"), "400 A5");
  ManifestEntry a = Stays("a");
  a.sequence_number = 2;
  Rewrite({a, Stays("b")});
  ExpectRefused(Run("replace"), "400 A5");
  a = Stays("a");
  ++a.file.rows;
  Rewrite({a, Stays("b")});
  ExpectRefused(Run("replace"), "400 A5");
}

TEST_F(AdmissionTest, H15A6NothingGoesSilently) {
  Rewrite({Stays("a")});
  ExpectRefused(Run("replace"), "400 A6");
  Rewrite({Stays("a"), Gone("b")});
  ExpectRefused(Run("append"), "400 A6");
  EXPECT_EQ(Run("delete"), "+0 -10 0");
  // A replace has the same rows; it cannot have more.
  ManifestEntry c = New("c");
  c.file.rows = 11;
  c.file.null_counts = {{kOffsetId, 11}};
  Rewrite({c, Gone("a"), Stays("b")});
  ExpectRefused(Run("replace"), "400 A6");
}

TEST_F(AdmissionTest, H15A7SequenceNumbersAreTheSnapshots) {
  ManifestEntry c = New("c");
  c.sequence_number = 3;
  Add({c});
  ExpectRefused(Run("append"), "400 A7");
  after_ = before_;
  c.sequence_number = 1;
  Add({c});
  ExpectRefused(Run("append"), "400 A7");
  // A compaction keeps that of its inputs.
  SetOffsets(&c, 0, 9);
  Rewrite({c, Gone("a"), Stays("b")});
  EXPECT_EQ(Run("replace"), "+10 -10 0");
}

TEST_F(AdmissionTest, G10OffsetsComeOnlyFromFilesThatGo) {
  ManifestEntry c = New("c");
  SetOffsets(&c, 0, 9);
  Add({c});
  ExpectRefused(Run("append"), "400 G10");
  Rewrite({c, Stays("a"), Gone("b")});  // b has 10 to 19.
  ExpectRefused(Run("overwrite"), "400 G10");
  after_ = before_;
  // An update: positions of a, and its rows anew.
  Add({c});
  Put(&after_, "m3", {Positions("d", "a")}, true);
  EXPECT_EQ(Run("overwrite"), "+10 -0 3");
  after_ = before_;
  c.file.lower_bounds.clear();  // It may have offsets; nothing tells.
  Add({c});
  ExpectRefused(Run("append"), "400 G10");
}

TEST_F(AdmissionTest, G10RequiredColumnsHaveValues) {
  ManifestEntry c = New("c");
  c.file.null_counts.emplace_back(1, 2);  // event_id
  Add({c});
  ExpectRefused(Run("append"), "400 G10");
}

TEST_F(AdmissionTest, G11EqualityDeletesNeedTheTablesConsent) {
  ManifestEntry d = New("d");
  d.file.content = FileContent::kEqualityDeletes;
  d.file.equality_ids = {3};
  Add({d}, true);
  ExpectRefused(Run("delete"), "400 G11");
  EXPECT_EQ(Run("delete", true), "+0 -0 10");
}

TEST_F(AdmissionTest, G11FilesAreParquet) {
  ManifestEntry c = New("c");
  c.file.format = "ORC";
  Add({c});
  ExpectRefused(Run("append"), "400 G11");
  after_ = before_;
  ManifestEntry vector = Positions("d", "a");
  vector.file.format = "PUFFIN";
  Add({vector}, true);
  ExpectRefused(Run("delete"), "400 G11");
  // The other way round in v3.
  metadata_.format_version = 3;
  after_ = before_;
  Add({Positions("d", "a")}, true);
  ExpectRefused(Run("delete"), "400 G11");
}

TEST_F(AdmissionTest, H15A4AFileHasOneDeletionVectorWithItsPlace) {
  metadata_.format_version = 3;
  const auto vector = [](std::string of, std::int64_t offset) {
    ManifestEntry entry = Positions("v.puffin", std::move(of));
    entry.file.format = "PUFFIN";
    entry.file.content_offset = offset;
    entry.file.content_bytes = 40;
    return entry;
  };
  const auto run = [&](std::vector<ManifestEntry> entries) {
    after_ = before_;
    Add(std::move(entries), true);
    return Run("delete");
  };
  EXPECT_EQ(run({vector("a", 4), vector("b", 44)}), "+0 -0 6");
  ExpectRefused(run({vector("a", 4), vector("a", 44)}), "400 A4");
  ExpectRefused(run({vector("a", 4), vector("b", 4)}), "400 A2");
  ExpectRefused(run({vector("gone", 4)}), "409 A4");
  ManifestEntry many = vector("a", 4);
  many.file.rows = 11;
  ExpectRefused(run({many}), "400 A4");
  ManifestEntry placeless = vector("a", 4);
  placeless.file.content_bytes.reset();
  ExpectRefused(run({placeless}), "400 A4");
  // A second one takes the place of the first.
  ManifestEntry first = vector("a", 4);
  first.snapshot = SnapshotId(10);
  first.sequence_number = first.file_sequence_number = 1;
  Put(&before_, "m3", {first}, true);
  ExpectRefused(run({vector("a", 44)}), "400 A4");
  after_ = before_;
  after_.manifests.pop_back();
  after_.entries.pop_back();
  ManifestEntry old = first;
  old.status = EntryStatus::kDeleted;
  old.snapshot = SnapshotId(kSnapshot);
  Add({old, vector("a", 44)}, true);
  EXPECT_EQ(Run("delete"), "+0 -0 3");
}

}  // namespace
}  // namespace tidemark::iceberg
