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
  std::vector<engine::DeletesOfFile> named;
  std::vector<std::size_t> with_deletes;  // Places in `files`.
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  files->reserve(head.files->count());
  head.files->ForEach([&](const lake::LiveFile& file) {
    files->push_back({.native_path = core.NativePath(file),
                      .rows = file.rows,
                      .bytes = file.bytes,
                      .times = lake::TimesOf(file, *head.metadata),
                      .bounds = file.bounds,
                      .added = file.added,
                      .constants = file.constants,
                      .counted = lake::IsDataFilePath(file.key)});
    if (!file.deletes) return;
    with_deletes.push_back(files->size() - 1);
    named.push_back({files->back().native_path, file.rows, core.DeletesOf(file)});
    if (!file.constants) return;
    for (const engine::FileConstant& constant : *file.constants) {
      named.back().filled.push_back(constant.field_id);
    }
  });
  std::uint64_t rows = head.files->rows();
  TM_ASSIGN(const auto deleted, deletes->Of(named));
  for (std::size_t i = 0; i < deleted.size(); ++i) {
    if (deleted[i]) rows -= deleted[i]->count();
    (*files)[with_deletes[i]].deleted = deleted[i];
  }
  return HeadFiles{std::move(files), rows};
}

}  // namespace tidemark::query
