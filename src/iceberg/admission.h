// What a snapshot of another engine may name: the rules about its files, A1 to A8. They are
// evaluated before the snapshot is taken over, against that of its parent, so that a malformed
// commit is refused instead of giving every reader another answer.
//
// Pure but for what was read before. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "iceberg/problem.h"
#include "lake/manifest.h"

namespace tidemark::iceberg {

// Offsets that some rows may have, both inclusive.
struct OffsetRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// The manifests of a snapshot and their entries.
struct SnapshotEntries {
  using Shared = std::shared_ptr<const std::vector<lake::ManifestEntry>>;
  std::vector<lake::ManifestFile> manifests;
  std::vector<Shared> entries;  // Of each.
};

struct AdmissionRequest {
  // The parent's; never null. Of its entries what ManifestContent keeps is enough.
  const SnapshotEntries* before = nullptr;
  // Manifests that `before` has too are taken to be the same: their entries are not looked at.
  const SnapshotEntries* after = nullptr;
  const lake::TableMetadata* metadata = nullptr;  // With the commit's specs.
  std::int64_t snapshot = 0;
  std::int64_t sequence_number = 0;
  std::string operation;
  bool equality_deletes = false;  // The table allows them.
  // Of rows that earlier snapshots of the same commit took away: they may come back here.
  std::vector<OffsetRange> inputs = {};
};

// What the snapshot did, as its entries say.
struct Admitted {
  std::uint64_t added_rows = 0;          // Of data files.
  std::uint64_t removed_rows = 0;        // Of data files.
  std::uint64_t deleted_rows = 0;        // Of delete files: positions, or equalities to match.
  std::vector<std::string> added_files;  // URIs: data and delete files.
  std::vector<std::string> manifests;    // URIs of the new ones.
  std::vector<OffsetRange> inputs;       // Of the rows taken away, the request's included.

  // No row that was there before has gone or moved.
  bool only_adds() const { return removed_rows == 0 && deleted_rows == 0; }
};

// 400; 409 if what the snapshot removes is not there any more.
Outcome<Admitted> Admit(const AdmissionRequest& request);

}  // namespace tidemark::iceberg
