#include "dedupe/run.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace tidemark::dedupe {
namespace {

constexpr std::uint64_t kCursorPages = 64;

}  // namespace

Result<std::shared_ptr<const Run>> Run::Open(env::Disk* disk, std::string path,
                                             MemoryBudget* budget) {
  std::shared_ptr<Run> run(new Run(std::move(path), budget));
  TM_TRY(run->Load(disk));
  return std::shared_ptr<const Run>(std::move(run));
}

Run::~Run() { budget_->Release(memory_bytes_); }

Error Run::Corrupt(std::string_view what) const {
  return {Code::kCorruption, path_ + ": " + std::string(what)};
}

Status Run::Load(env::Disk* disk) {
  auto file = disk->Open(path_);
  if (!file) {
    if (file.error().code() != Code::kNotFound) return Fail(std::move(file).error());
    return Fail(Corrupt("is gone"));
  }
  file_ = *std::move(file);
  TM_ASSIGN(const std::string page, file_->ReadAt(0, kPageBytes));
  const auto header = DecodeRunHeader(page);
  if (!header) return Fail(Corrupt("the header is damaged"));
  header_ = *header;
  TM_ASSIGN(const std::uint64_t size, file_->Size());
  if (size < header_.file_bytes()) return Fail(Corrupt("is cut short"));
  memory_bytes_ = header_.bucket_table_bytes();
  budget_->ReserveAlways(memory_bytes_);
  TM_ASSIGN(const std::string table,
            file_->ReadAt(header_.buckets_at(), header_.bucket_table_bytes()));
  if (Hash64(table) != header_.bucket_checksum) return Fail(Corrupt("its buckets are damaged"));
  buckets_.resize(table.size() / sizeof(std::uint32_t));
  std::memcpy(buckets_.data(), table.data(), table.size());
  if (header_.filter_bytes == 0 || header_.version != kRunVersion ||
      !budget_->TryReserve(header_.filter_bytes)) {
    return {};
  }
  memory_bytes_ += header_.filter_bytes;
  TM_ASSIGN(const std::string filter, file_->ReadAt(header_.filter_at(), header_.filter_bytes));
  if (Hash64(filter) != header_.filter_checksum) return Fail(Corrupt("its filter is damaged"));
  filter_ = Filter::FromText(filter);
  return {};
}

Result<std::optional<Entry>> Run::Find(const Hash128& hash) const {
  const std::uint64_t bucket = header_.BucketOf(hash);
  const std::uint64_t begin = buckets_[bucket];
  const std::uint64_t end = buckets_[bucket + 1];
  if (begin == end) return std::optional<Entry>();
  const std::uint64_t per_page = header_.records_per_page();
  const std::uint64_t first = begin / per_page;
  const std::uint64_t pages = (end - 1) / per_page - first + 1;
  TM_ASSIGN(const std::string bytes, file_->ReadAt(header_.page_at(first), pages * kPageBytes));
  for (std::uint64_t i = 0; i < pages; ++i) {
    if (bytes.size() < (i + 1) * kPageBytes ||
        !IsPageSound(first + i, std::string_view(bytes).substr(i * kPageBytes, kPageBytes))) {
      return Fail(Corrupt("page " + std::to_string(first + i) + " is damaged"));
    }
  }
  const std::string wanted = HashInRecord(header_, hash);
  for (std::uint64_t at = begin; at < end; ++at) {
    const std::uint64_t page = at / per_page - first;
    const char* record = bytes.data() + page * kPageBytes + at % per_page * header_.record_bytes();
    if (wanted == std::string_view(record, wanted.size())) {
      return std::optional(DecodeRecord(header_, bucket, record));
    }
  }
  return std::optional<Entry>();
}

Result<std::unique_ptr<RunCursor>> RunCursor::Open(env::Disk* disk,
                                                   std::shared_ptr<const Run> run) {
  TM_ASSIGN(auto file, disk->Open(run->path()));
  std::unique_ptr<RunCursor> cursor(new RunCursor(std::move(run), std::move(file)));
  TM_TRY(cursor->Load());
  return cursor;
}

Status RunCursor::Next() {
  ++at_;
  return Load();
}

Status RunCursor::Load() {
  if (at_ >= run_->count()) return {};
  const RunHeader& header = run_->header();
  const std::uint64_t per_page = header.records_per_page();
  const std::uint64_t page = at_ / per_page;
  if (page >= first_page_ + page_count_) {
    first_page_ = page;
    page_count_ = std::min(kCursorPages, header.pages() - page);
    TM_ASSIGN(pages_, file_->ReadAt(header.page_at(page), page_count_ * kPageBytes));
    for (std::uint64_t i = 0; i < page_count_; ++i) {
      if (pages_.size() < (i + 1) * kPageBytes ||
          !IsPageSound(page + i, std::string_view(pages_).substr(i * kPageBytes, kPageBytes))) {
        return Fail(run_->Corrupt("page " + std::to_string(page + i) + " is damaged"));
      }
    }
  }
  while (run_->buckets_[bucket_ + 1] <= at_) ++bucket_;
  entry_ = DecodeRecord(
      header, bucket_,
      pages_.data() + (page - first_page_) * kPageBytes + at_ % per_page * header.record_bytes());
  return {};
}

}  // namespace tidemark::dedupe
