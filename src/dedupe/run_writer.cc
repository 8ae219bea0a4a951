#include "dedupe/run_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/units.h"

namespace tidemark::dedupe {
namespace {

constexpr std::size_t kWriteBytes = 256_KiB;

}  // namespace

Result<std::unique_ptr<RunWriter>> RunWriter::Create(env::Disk* disk, std::string path,
                                                     const Plan& plan, MemoryBudget* budget) {
  TM_CHECK_LT(plan.entries_max, std::numeric_limits<std::uint32_t>::max());
  if (const Status removed = disk->Remove(path);
      !removed && removed.error().code() != Code::kNotFound) {
    return Fail(removed.error());
  }
  std::unique_ptr<RunWriter> writer(new RunWriter(disk, std::move(path), budget));
  TM_ASSIGN(writer->file_, disk->Create(writer->path_));
  RunHeader& header = writer->header_;
  header.value_bytes = static_cast<std::uint32_t>(plan.value_bytes);
  header.bucket_bits = BucketBitsFor(plan.entries_max);
  header.tick_seconds = plan.tick_seconds;
  header.first_tick = (plan.second_min + plan.tick_seconds - 1) / plan.tick_seconds;
  writer->buckets_.resize(header.bucket_count() + 1);
  writer->reserved_bytes_ = header.bucket_table_bytes();
  budget->ReserveAlways(writer->reserved_bytes_);
  const std::uint64_t filter_bytes = Filter::BytesFor(plan.entries_max);
  if (budget->TryReserve(filter_bytes)) {
    writer->reserved_bytes_ += filter_bytes;
    writer->filter_ = Filter::ForEntries(plan.entries_max);
    writer->has_filter_ = true;
  }
  return writer;
}

RunWriter::~RunWriter() { budget_->Release(reserved_bytes_); }

Status RunWriter::Add(const Entry& entry) {
  const std::uint64_t bucket = header_.BucketOf(entry.hash);
  TM_CHECK_GE(bucket, bucket_);
  while (bucket_ < bucket) buckets_[++bucket_] = static_cast<std::uint32_t>(header_.count);
  if (page_.size() + header_.record_bytes() > kPageRecordBytes) TM_TRY(EndPage());
  AppendRecord(header_, entry, &page_);
  if (has_filter_) filter_.Add(entry.hash);
  const std::uint32_t ticks = (entry.second + header_.tick_seconds - 1) / header_.tick_seconds;
  header_.second_max = std::max(header_.second_max, ticks * header_.tick_seconds);
  ++header_.count;
  return {};
}

Status RunWriter::EndPage() {
  ClosePage(page_number_++, &page_);
  out_.append(page_);
  page_.clear();
  return out_.size() >= kWriteBytes ? WriteOut() : Status();
}

Status RunWriter::WriteOut() {
  TM_TRY(file_->WriteAt(written_bytes_, out_));
  written_bytes_ += out_.size();
  out_.clear();
  return {};
}

Status RunWriter::Finish() {
  if (!page_.empty()) TM_TRY(EndPage());
  while (bucket_ < header_.bucket_count()) {
    buckets_[++bucket_] = static_cast<std::uint32_t>(header_.count);
  }
  TM_CHECK_EQ(page_number_, header_.pages());
  const std::string_view table(reinterpret_cast<const char*>(buckets_.data()),
                               header_.bucket_table_bytes());
  header_.bucket_checksum = Hash64(table);
  out_.append(table);
  if (has_filter_) {
    header_.filter_bytes = filter_.bytes();
    header_.filter_checksum = Hash64(filter_.text());
    out_.append(filter_.text());
  }
  TM_TRY(WriteOut());
  TM_CHECK_EQ(written_bytes_, header_.file_bytes());
  TM_TRY(file_->WriteAt(0, EncodeRunHeader(header_)));
  TM_TRY(file_->Sync());
  return disk_->SyncDir(env::ParentOf(path_));
}

}  // namespace tidemark::dedupe
