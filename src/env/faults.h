// Planted bugs: mistakes that a good engineer would make once, switched on one at a time to prove
// that the simulation finds them. Here is the mechanism, and the list of the core above the log;
// the log's own list is wal/faults.h. Compiled in only with TM_PLANTED_BUGS (the simulation's
// binaries); otherwise Planted() is a constant.
//
// One bug of each list may be on. Set it before the code under test runs; any thread reads it.
#pragma once

#include <cstdint>

namespace tidemark::env {

#ifdef TM_PLANTED_BUGS
template <class List>
inline List planted_bug = List::kNone;
template <class List>
bool Planted(List bug) {
  return planted_bug<List> == bug;
}
#else
template <class List>
constexpr bool Planted(List /*bug*/) {
  return false;
}
#endif

enum class Bug : std::uint8_t {
  kNone,
  // The store.
  kObjectNotSynced,   // Put does not sync the object.
  kFolderNotSynced,   // A new object's name is not made durable.
  kRemovalNotSynced,  // A removed object may come back.
  // Ingest.
  kVisibleBeforeDurable,      // Rows are published while the sync is in flight.
  kAckBeforePublish,          // The client knows before a query can see.
  kRollbackSkipped,           // Rows of a void group stay in hot memory.
  kReservationLeaks,          // A refused batch keeps its part of the budget.
  kReceivedAtGoesBack,        // Received times follow the wall clock.
  kTrimIgnoresTide,           // The log gives back what is not settled.
  kHouseNeverKept,            // Nothing is trimmed.
  kDuplicatesTaken,           // Ids that came before are taken again.
  kDuplicateAnsweredEarly,    // A duplicate is told before its first is durable.
  kIdsOfVoidGroupStay,        // Ids of a group that never was are remembered.
  kTrimIgnoresIndex,          // The log gives back what the index has only in memory.
  kTrimFollowsEvents,         // ... what of the quarantine is not settled.
  kQuarantineInAnotherGroup,  // What of a request is not valid is written after its events.
  // Flush.
  kRowsMissingFromFile,        // The last file of a flush with many is left out.
  kDataFileNotSealed,          // A data file is named before it is durable.
  kUnknownMeansFailed,         // A lost answer of a commit is taken for a no.
  kUnknownMeansDone,           // ... for a yes.
  kStalePlanAppended,          // A plan whose rows somebody settled is appended anyway.
  kEpochNotChecked,            // An owner that was replaced goes on.
  kInflightNotFenced,          // ... as far as to write the files of a flush.
  kReleasedBeforePublished,    // Hot rows go before the head that has them is seen.
  kLostUpdate,                 // A new head brings back the hot rows of when it was planned.
  kCutInTwoLoads,              // The head of one moment with the hot rows of another.
  kGarbageAtOnce,              // Files of older heads go while queries hold them.
  kGarbageByWallClock,         // ... when the wall clock jumps.
  kAbandonedForgotten,         // Files of a flush that failed stay.
  kCommittedLeftoversDeleted,  // Files of a commit whose answer was lost are cleared away.
  kColumnsDecidedAtFlush,      // Rows get the columns of the day they are flushed.
  kKeptOfSomeRows,             // A file has the copy of a path that is not every row's value.
  kKeptWithoutItsText,         // A number is kept that does not give its text back.
  kKeptIdUsedAgain,            // A path that comes again as text has the field id of its old type.
  // Commits of others.
  kOffsetsNotInherited,     // Their snapshots do not say which offsets they stand for.
  kForeignHeadOverwritten,  // A flush that they overtook is committed as it was built.
  kFloorSinks,              // After a rollback the offsets of the head go back.
  kFileTakenTwice,          // A file that the table has is added to it again.
  kGoneFilesStay,           // Files that they deleted stay in the index of live files.
  kGoneFilesMergedIn,       // ... come back when manifests are merged.
  // Recovery.
  kIdsNotReplayed,          // The index forgets what it had only in memory.
  kReplayedIsNew,           // ... keeps it in memory anew for its time, and the log with it.
  kQuarantineKeyForgotten,  // ... the key of a request that had no valid event.
  kReplayOffByOne,          // The first frame above the settled ones is skipped.
  kReplayReadsClock,        // Replayed events get a new received time.
  kColumnsDecidedAtReplay,  // ... the columns of the day they are replayed.
  kRaiseOffsetSkipped,      // A log that ends below the lake gives old offsets again.
  kMetadataNotRestored,     // A damaged metadata file is read as it is.
  kLogIdNotChecked,         // Any log will do.
  kGapAccepted,             // Events that neither log nor lake has are not missed.
  kInflightNotCleared,      // What a crash interrupted stays.
  kOlderStateTaken,         // A catalog and a log of before the lake go on.
  kOlderFarTaken,           // ... if the commit after the catalog's can no longer be seen.
  kOlderNearTaken,          // ... if the lake is one commit ahead.
  kForeignCommitsUndone,    // ... if what was committed since was another engine's.
  kUnknownTableTaken,       // ... if the catalog has never had the table.
  kHighestVersionTaken,     // A catalog is made again from the highest version of the metadata.
  kRefusedTooLate,          // ... are refused when what the lake needs is cleared away.
  kEnd,
};

}  // namespace tidemark::env
