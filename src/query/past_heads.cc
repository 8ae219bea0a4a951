#include "query/past_heads.h"

#include <algorithm>
#include <utility>

namespace tidemark::query {

Result<std::shared_ptr<const lake::TableHead>> PastHeads::At(
    const std::shared_ptr<const lake::TableHead>& now, SnapshotId snapshot) {
  if (now->snapshot() == snapshot) return now;
  const auto kept = kept_.Load();
  for (const auto& head : *kept) {
    // Metadata moves on; the files of a snapshot do not.
    if (head->table != now->table || head->snapshot() != snapshot) continue;
    if (now->metadata->FindSnapshot(snapshot) != nullptr) return head;
  }
  TM_ASSIGN(auto head, lake::HeadAt(core_->store(), *now, snapshot));
  kept_.Update([&](const Kept& before) {
    auto next = std::make_shared<Kept>(before);
    if (next->size() == kKeptMax) next->erase(next->begin());
    next->push_back(head);
    return std::shared_ptr<const Kept>(std::move(next));
  });
  return head;
}

Result<HeadFiles> LakeFilesOf(const tide::Core& core, const lake::TableHead& head,
                              engine::DeleteFiles* deletes) {
  std::uint64_t rows = head.files->rows();
  Status status;
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  files->reserve(head.files->count());
  head.files->ForEach([&](const lake::LiveFile& file) {
    files->push_back({.native_path = core.NativePath(file),
                      .rows = file.rows,
                      .bytes = file.bytes,
                      .times = lake::TimesOf(file, *head.metadata),
                      .bounds = file.bounds,
                      .added = file.added});
    if (!file.deletes || !status) return;
    auto deleted = deletes->Of(files->back().native_path, file.rows, core.DeletesOf(file));
    if (!deleted) {
      status = Fail(std::move(deleted).error());
      return;
    }
    files->back().deleted = *std::move(deleted);
    if (files->back().deleted) rows -= files->back().deleted->count();
  });
  TM_TRY(std::move(status));
  return HeadFiles{std::move(files), rows};
}

}  // namespace tidemark::query
