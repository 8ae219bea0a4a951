// The field ids of manifests and manifest lists as Iceberg's table specification numbers them
// (sections "Manifests" and "Manifest Lists"): what the writer declares and the reader looks for.
// Constants.
#pragma once

#include <cstdint>

namespace tidemark::lake::manifest_field {

// manifest_entry
inline constexpr std::int32_t kStatus = 0;
inline constexpr std::int32_t kSnapshotId = 1;
inline constexpr std::int32_t kDataFile = 2;
inline constexpr std::int32_t kSequenceNumber = 3;
inline constexpr std::int32_t kFileSequenceNumber = 4;

// data_file
inline constexpr std::int32_t kFilePath = 100;
inline constexpr std::int32_t kFileFormat = 101;
inline constexpr std::int32_t kPartition = 102;
inline constexpr std::int32_t kRecordCount = 103;
inline constexpr std::int32_t kFileSize = 104;
inline constexpr std::int32_t kColumnSizes = 108;
inline constexpr std::int32_t kValueCounts = 109;
inline constexpr std::int32_t kNullCounts = 110;
inline constexpr std::int32_t kLowerBounds = 125;
inline constexpr std::int32_t kUpperBounds = 128;
inline constexpr std::int32_t kFileKeyMetadata = 131;
inline constexpr std::int32_t kSplitOffsets = 132;
inline constexpr std::int32_t kFileContent = 134;
inline constexpr std::int32_t kEqualityIds = 135;
inline constexpr std::int32_t kNanCounts = 137;
inline constexpr std::int32_t kSortOrderId = 140;
inline constexpr std::int32_t kFirstRowId = 142;
inline constexpr std::int32_t kReferencedFile = 143;
inline constexpr std::int32_t kContentOffset = 144;
inline constexpr std::int32_t kContentSize = 145;

// manifest_file
inline constexpr std::int32_t kManifestPath = 500;
inline constexpr std::int32_t kManifestLength = 501;
inline constexpr std::int32_t kSpecId = 502;
inline constexpr std::int32_t kAddedSnapshotId = 503;
inline constexpr std::int32_t kAddedFiles = 504;
inline constexpr std::int32_t kExistingFiles = 505;
inline constexpr std::int32_t kDeletedFiles = 506;
inline constexpr std::int32_t kPartitions = 507;
inline constexpr std::int32_t kPartitionSummary = 508;
inline constexpr std::int32_t kAddedRows = 512;
inline constexpr std::int32_t kExistingRows = 513;
inline constexpr std::int32_t kDeletedRows = 514;
inline constexpr std::int32_t kManifestSequenceNumber = 515;
inline constexpr std::int32_t kMinSequenceNumber = 516;
inline constexpr std::int32_t kManifestContent = 517;
inline constexpr std::int32_t kManifestKeyMetadata = 519;
inline constexpr std::int32_t kManifestFirstRowId = 520;

// field_summary, one of each partition field
inline constexpr std::int32_t kContainsNull = 509;
inline constexpr std::int32_t kSummaryLower = 510;
inline constexpr std::int32_t kSummaryUpper = 511;
inline constexpr std::int32_t kContainsNan = 518;

}  // namespace tidemark::lake::manifest_field
