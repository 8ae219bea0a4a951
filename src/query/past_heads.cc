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

std::shared_ptr<const std::vector<engine::LakeFile>> LakeFilesOf(const tide::Core& core,
                                                                 const lake::TableHead& head) {
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  files->reserve(head.files->count());
  head.files->ForEach([&](const lake::LiveFile& file) {
    files->push_back({.native_path = file.in_store ? core.NativePath(file.key) : file.key,
                      .rows = file.rows,
                      .bytes = file.bytes,
                      .times = lake::TimesOf(file, *head.metadata),
                      .bounds = file.bounds,
                      .added = file.added});
  });
  return files;
}

}  // namespace tidemark::query
