#include "engine/parquet_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/block_filter.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/parquet_encoding.h"
#include "engine/thrift_writer.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::kChunkRows;
using event::StringRef;
using event::Type;
using Kind = ColumnView::Kind;

// The format's numbers.
constexpr std::int32_t kPlain = 0;
constexpr std::int32_t kRle = 3;
constexpr std::int32_t kDeltas = 5;
constexpr std::int32_t kByDictionary = 8;
constexpr std::int32_t kDataPage = 0;
constexpr std::int32_t kDictionaryPage = 2;

constexpr std::size_t kPageRows = 10 * kChunkRows;
constexpr std::size_t kPageBytes = 1U << 20;
// More different values than this and they are written out: an entry must pay for itself.
constexpr std::uint32_t kTextsMax = 16'384;
constexpr std::uint32_t kDoublesMax = 32'768;
constexpr std::size_t kDictionaryBytesMax = 1U << 20;
constexpr std::size_t kDictionaryTrial = 3'000;
constexpr std::size_t kPageHeaderBytes = 20;
constexpr std::size_t kBoundBytesMax = 64;  // Longer bounds help no reader.
constexpr std::size_t kPrefetchRows = 8;
constexpr std::uint64_t kFilterBitsPerValue = 10;
// Fewer different values than this and a reader has the dictionary in no time.
constexpr std::size_t kFilterValuesMin = 64;
// Before the plain values, so that a page's levels come right in front of them without a copy.
constexpr std::size_t kLevelBytes = 3U << 10;
constexpr std::size_t kKeptBytesMax = 8U << 10;  // A buffer, from file to file.

// Values that are never twice the same, or hardly: no dictionary, and bounds that prune nothing.
bool IsUnique(const event::TableColumn& column) { return column.texts >= event::Texts::kUnique; }

std::uint64_t Prefix(std::string_view text) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, text.data(), std::min<std::size_t>(8, text.size()));
  return __builtin_bswap64(prefix);
}

// Calls visit(row) for the rows that have a value.
template <class Visit>
void ForEachValid(const std::uint64_t* validity, std::size_t rows, const Visit& visit) {
  if (validity == nullptr) {
    for (std::size_t row = 0; row < rows; ++row) visit(row);
    return;
  }
  for (std::size_t at = 0; at < rows; at += 64) {
    std::uint64_t bits = validity[at / 64];
    if (rows - at < 64) bits &= (1ULL << (rows - at)) - 1;
    for (; bits != 0; bits &= bits - 1) {
      visit(at + static_cast<std::size_t>(std::countr_zero(bits)));
    }
  }
}

std::uint32_t HashOf(const StringRef& text) {
  if (text.length > StringRef::kInlineMax) return static_cast<std::uint32_t>(Hash64(text.view()));
  std::uint64_t words[2];
  std::memcpy(words, &text, sizeof words);
  std::uint64_t hash = words[0] * 0x9E3779B97F4A7C15ULL ^ words[1] * 0xC2B2AE3D27D4EB4FULL;
  hash ^= hash >> 29;
  hash *= 0xBF58476D1CE4E5B9ULL;
  return static_cast<std::uint32_t>(hash >> 32);
}

template <class T>
std::string RawOf(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

void TextDictionary::Clear() {
  last_ = 0;
  plain_.clear();
  entries_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
}

void TextDictionary::Trim(std::size_t bytes_max) {
  Clear();
  if (plain_.capacity() > bytes_max) plain_ = {};
  if (entries_.capacity() * sizeof(Kept) > bytes_max) entries_ = {};
  if (slots_.capacity() * sizeof(std::uint32_t) > bytes_max) slots_ = {};
}

std::string_view TextDictionary::Entry(std::uint32_t number) const {
  const Kept& entry = entries_[number];
  return std::string_view(plain_).substr(entry.at, entry.text.length);
}

// Short texts are told by their references, without a call.
bool TextDictionary::IsSame(const Kept& entry, const StringRef& text) const {
  std::uint64_t there[2];
  std::uint64_t here[2];
  std::memcpy(there, &entry.text, sizeof there);
  std::memcpy(here, &text, sizeof here);
  if (there[0] != here[0]) return false;
  if (text.length <= StringRef::kInlineMax) return there[1] == here[1];
  return std::memcmp(plain_.data() + entry.at, text.pointer, text.length) == 0;
}

std::uint32_t TextDictionary::Find(const StringRef& ref) {
  if (last_ < entries_.size() && IsSame(entries_[last_], ref)) return last_;
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
  const std::uint32_t hash = HashOf(ref);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) {
      slots_[slot] = size() + 1;
      PutU32(&plain_, ref.length);
      entries_.push_back({ref, static_cast<std::uint32_t>(plain_.size()), hash});
      plain_.append(ref.view());
      return last_ = size() - 1;
    }
    const std::uint32_t number = slots_[slot] - 1;
    if (entries_[number].hash == hash && IsSame(entries_[number], ref)) return last_ = number;
  }
}

void TextDictionary::Grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 4), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t i = 0; i < size(); ++i) {
    std::size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = i + 1;
  }
}

void ColumnEncoder::Begin(const event::TableColumn& column, DataCodec codec, Lookup lookup) {
  column_ = &column;
  info_ = {};
  info_.codec = codec;
  by_dictionary_ =
      column.type == Type::kDouble || (column.type == Type::kString && !IsUnique(column));
  filtered_ = lookup == Lookup::kByFilter && column.type == Type::kString &&
              column.texts != event::Texts::kFree;
  coded_ = false;
  dictionary_.Clear();
  doubles_.Clear();
  remaps_.clear();
  pages_.clear();
  waiting_.clear();
  decided_ = false;
  // What a file that was given up has left.
  validity_.clear();
  codes_.clear();
  numbers_.clear();
  hashes_.clear();
  page_rows_ = page_valid_ = used_ = 0;
  any_ = false;
  nan_ = false;
  looked_up_ = 0;
}

void ColumnEncoder::Add(const ColumnView& view, std::size_t rows) {
  if (view.kind == Kind::kNull) {
    AddValidity(nullptr, false, rows);
  } else if (column_->type != Type::kString) {
    TM_CHECK(view.kind == Kind::kFixed);
    AddFixed(view, rows);
  } else if (view.kind == Kind::kDictionary) {
    AddCodes(view, rows);
  } else if (view.kind == Kind::kConstant) {
    AddValidity(nullptr, true, rows);
    AddText(view.constant_text);
    if (by_dictionary_) {
      looked_up_ += rows - 1;
      codes_.insert(codes_.end(), rows - 1, codes_.back());
    } else {
      for (std::size_t i = 1; i < rows; ++i) AddText(view.constant_text);
    }
  } else {
    TM_CHECK(view.kind == Kind::kStrings);
    AddStrings(view, rows);
  }
  if (page_rows_ >= kPageRows || used_ >= kPageBytes) EndPage();
}

void ColumnEncoder::AddValidity(Words validity, bool valid, std::size_t rows) {
  for (std::size_t at = 0; at < rows; at += 64) {
    const std::size_t count = std::min<std::size_t>(64, rows - at);
    std::uint64_t word = validity == nullptr ? (valid ? ~0ULL : 0) : validity[at / 64];
    if (count < 64) word &= (1ULL << count) - 1;
    page_valid_ += static_cast<std::size_t>(std::popcount(word));
    const std::size_t shift = page_rows_ % 64;
    if (shift == 0) {
      validity_.push_back(word);
    } else {
      validity_.back() |= word << shift;
      if (shift + count > 64) validity_.push_back(word >> (64 - shift));
    }
    page_rows_ += count;
  }
}

char* ColumnEncoder::Room(std::size_t bytes) {
  const std::size_t wanted = kLevelBytes + used_ + bytes;
  if (values_.size() < wanted) values_.resize(wanted * 3 / 2);
  char* at = values_.data() + kLevelBytes + used_;
  used_ += bytes;
  return at;
}

// Whole numbers of every row.
void ColumnEncoder::AddWhole(std::span<const std::int64_t> numbers) {
  std::int64_t least = any_ ? number_min_ : numbers.front();
  std::int64_t most = any_ ? number_max_ : numbers.front();
  for (const std::int64_t number : numbers) {
    least = std::min(least, number);
    most = std::max(most, number);
  }
  number_min_ = least;
  number_max_ = most;
  any_ = true;
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
}

void ColumnEncoder::AddFixed(const ColumnView& view, std::size_t rows) {
  const std::size_t before = page_valid_;
  AddValidity(view.validity, true, rows);
  const bool wide = column_->type == Type::kInt64 || column_->type == Type::kTimestamp;
  if (wide && view.validity == nullptr) {
    return AddWhole({static_cast<const std::int64_t*>(view.fixed), rows});
  }
  const auto see_number = [&](std::int64_t number) {
    numbers_.push_back(number);
    number_min_ = any_ ? std::min(number_min_, number) : number;
    number_max_ = any_ ? std::max(number_max_, number) : number;
    any_ = true;
  };
  const auto see_double = [&](double number) {
    if (by_dictionary_) {
      codes_.push_back(doubles_.Find(std::bit_cast<std::uint64_t>(number)));
    } else {
      std::memcpy(Room(sizeof number), &number, sizeof number);
    }
    if (std::isnan(number)) {
      nan_ = true;
      return;
    }
    double_min_ = any_ ? std::min(double_min_, number) : number;
    double_max_ = any_ ? std::max(double_max_, number) : number;
    any_ = true;
  };
  ForEachValid(view.validity, rows, [&](std::size_t i) {
    if (column_->type == Type::kDouble) {
      see_double(static_cast<const double*>(view.fixed)[i]);
    } else if (column_->type == Type::kInt32) {
      see_number(static_cast<const std::int32_t*>(view.fixed)[i]);
    } else if (column_->type == Type::kBool) {
      see_number(static_cast<const bool*>(view.fixed)[i] ? 1 : 0);
    } else {
      see_number(static_cast<const std::int64_t*>(view.fixed)[i]);
    }
  });
  if (!by_dictionary_) return;
  looked_up_ += page_valid_ - before;
  LeaveDictionary();
}

void ColumnEncoder::AddText(const StringRef& ref) {
  if (by_dictionary_) {
    ++looked_up_;
    codes_.push_back(dictionary_.Find(ref));
    return;
  }
  const std::string_view text = ref.view();
  char* at = Room(4 + text.size());
  const auto size = static_cast<std::uint32_t>(text.size());
  std::memcpy(at, &size, sizeof size);
  std::memcpy(at + sizeof size, text.data(), text.size());
  if (filtered_) hashes_.push_back(HashXxh64(text));
  if (!IsUnique(*column_)) SeeText(text);
}

void ColumnEncoder::AddPlainText(const ColumnView& view, std::size_t rows) {
  const StringRef* const strings = view.strings;
  std::size_t bytes = 0;
  ForEachValid(view.validity, rows, [&](std::size_t i) { bytes += 4 + strings[i].length; });
  char* at = Room(bytes);
  const bool see = !IsUnique(*column_);
  ForEachValid(view.validity, rows, [&](std::size_t i) {
    if (i + kPrefetchRows < rows && view.IsValid(i + kPrefetchRows)) {
      const StringRef& soon = strings[i + kPrefetchRows];
      if (soon.length > StringRef::kInlineMax) __builtin_prefetch(soon.pointer);
    }
    const std::string_view text = strings[i].view();
    std::memcpy(at, &strings[i].length, 4);
    std::memcpy(at + 4, text.data(), text.size());
    at += 4 + text.size();
    if (filtered_) hashes_.push_back(HashXxh64(text));
    if (see) SeeText(text);
  });
}

// What follows is written out, if entries do not pay for themselves.
void ColumnEncoder::LeaveDictionary() {
  const std::size_t entries = EntryCount();
  const bool texts = column_->type == Type::kString;
  const bool full =
      entries > (texts ? kTextsMax : kDoublesMax) || PlainEntries().size() > kDictionaryBytesMax;
  // Of so many texts that came nearly all but once there will be more than kTextsMax: 10,000 in
  // any order would have repeated by now. Numbers are looked up for next to nothing.
  const bool seldom = texts && entries > kDictionaryTrial && entries > looked_up_ - looked_up_ / 20;
  if (!full && !seldom) return;
  if (!coded_ && !DictionaryPays()) return Unfold();
  // Its entries are what plain pages will have.
  if (!decided_) Decide(PlainEntries(), texts);
  EndPage();
  by_dictionary_ = false;
}

std::uint32_t ColumnEncoder::EntryCount() const {
  return column_->type == Type::kDouble ? doubles_.size() : dictionary_.size();
}

std::string_view ColumnEncoder::PlainEntries() const {
  return column_->type == Type::kDouble ? doubles_.plain() : dictionary_.plain();
}

// Whether codes and entries are smaller than all values written out, if those shrink by half and
// codes do not.
bool ColumnEncoder::DictionaryPays() const {
  // Questions about a text are faster by number, also where that is a little larger.
  if (column_->type == Type::kString) return true;
  const std::size_t entries = EntryCount();
  if (entries == 0) return false;
  const std::size_t repeats = (looked_up_ - entries) * PlainEntries().size() / entries;
  const std::size_t codes = looked_up_ * BitWidth(entries - 1) / 8;
  return repeats / 2 > codes + kPageHeaderBytes;
}

// Writes out the doubles that have been looked up, as if there had been no dictionary.
void ColumnEncoder::Unfold() {
  by_dictionary_ = false;
  for (const std::uint32_t code : codes_) {
    const std::uint64_t bits = doubles_.Entry(code);
    std::memcpy(Room(sizeof bits), &bits, sizeof bits);
  }
  codes_.clear();
  doubles_.Clear();
}

void ColumnEncoder::AddStrings(const ColumnView& view, std::size_t rows) {
  if (!by_dictionary_) {
    AddValidity(view.validity, true, rows);
    return AddPlainText(view, rows);
  }
  AddValidity(view.validity, true, rows);
  ForEachValid(view.validity, rows, [&](std::size_t i) { AddText(view.strings[i]); });
  LeaveDictionary();
}

// The source's codes become numbers of this column's dictionary: each is looked up once.
std::vector<std::uint32_t>* ColumnEncoder::RemapOf(const ColumnView& view) {
  std::vector<std::uint32_t>& remap = remaps_[view.dictionary];
  if (remap.size() < view.dictionary_size) remap.resize(view.dictionary_size);
  return &remap;
}

void ColumnEncoder::AddCodes(const ColumnView& view, std::size_t rows) {
  std::array<std::uint64_t, kChunkRows / 64> valid{};
  for (std::size_t i = 0; i < rows; ++i) {
    valid[i / 64] |= std::uint64_t{view.codes[i] != view.null_code} << (i % 64);
  }
  AddValidity(valid.data(), true, rows);
  if (!by_dictionary_) {
    for (std::size_t i = 0; i < rows; ++i) {
      if (view.codes[i] != view.null_code) AddText(view.dictionary[view.codes[i]]);
    }
    return;
  }
  std::vector<std::uint32_t>& remap = *RemapOf(view);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint32_t code = view.codes[i];
    if (code == view.null_code) continue;
    ++looked_up_;
    if (remap[code] == 0) remap[code] = dictionary_.Find(view.dictionary[code]) + 1;
    codes_.push_back(remap[code] - 1);
  }
  LeaveDictionary();
}

void ColumnEncoder::SeeText(std::string_view text) {
  const std::uint64_t prefix = Prefix(text);
  if (!any_ || prefix < prefix_min_ || (prefix == prefix_min_ && text < text_min_)) {
    text_min_ = text;
    prefix_min_ = prefix;
  }
  if (!any_ || prefix > prefix_max_ || (prefix == prefix_max_ && text > text_max_)) {
    text_max_ = text;
    prefix_max_ = prefix;
  }
  any_ = true;
}

void ColumnEncoder::EndPage() {
  if (page_rows_ == 0) return;
  if (page_valid_ > 0 && by_dictionary_ && !coded_ && !DictionaryPays()) Unfold();
  body_.clear();
  // Every column may be null as far as the file is concerned: a run of ones costs three bytes.
  PutU32(&body_, 0);
  AppendBits(validity_.data(), page_rows_, page_valid_, &body_);
  const auto levels = static_cast<std::uint32_t>(body_.size() - sizeof(std::uint32_t));
  std::memcpy(body_.data(), &levels, sizeof levels);
  std::int32_t encoding = kPlain;
  bool whole = true;  // It is all in `body_`.
  if (page_valid_ == 0) {
    info_.plain = true;  // Nulls only: nothing follows, and a dictionary need not be there.
  } else if (by_dictionary_) {
    encoding = kByDictionary;
    coded_ = true;
    const std::uint32_t width = BitWidth(EntryCount() - 1);
    body_.push_back(static_cast<char>(width));
    AppendHybrid(codes_, width, &body_);
  } else if (column_->type == Type::kString || column_->type == Type::kDouble) {
    info_.plain = true;
    whole = body_.size() > kLevelBytes;
    if (whole) {
      body_.append(values_.data() + kLevelBytes, used_);
    } else {
      std::memcpy(values_.data() + kLevelBytes - body_.size(), body_.data(), body_.size());
    }
  } else if (column_->type == Type::kBool) {
    AppendBools(numbers_, &body_);
    info_.plain = true;
  } else {
    encoding = kDeltas;
    AppendDeltas(numbers_, &body_);
    info_.differences = true;
  }
  const std::string_view page =
      whole ? std::string_view(body_)
            : std::string_view(values_.data() + kLevelBytes - body_.size(), body_.size() + used_);
  AppendData(encoding, page);
  info_.values += static_cast<std::int64_t>(page_rows_);
  info_.nulls += static_cast<std::int64_t>(page_rows_ - page_valid_);
  validity_.clear();
  page_rows_ = page_valid_ = used_ = 0;
  codes_.clear();
  numbers_.clear();
}

void ColumnEncoder::AppendData(std::int32_t encoding, std::string_view body) {
  if (!decided_ && body.size() < PageCodec::kTellingBytes) {
    waiting_.push_back({encoding, page_rows_, std::string(body)});
    return;
  }
  const bool entries = encoding == kByDictionary && PlainEntries().size() > body.size();
  const bool texts = encoding == kPlain && column_->type == Type::kString;
  if (!decided_) Decide(entries ? PlainEntries() : body, texts);
  AppendPage(PageKind::kData, encoding, page_rows_, body, &pages_);
}

// Codes and numbers would hardly be smaller by zstd, and are what questions read most.
void ColumnEncoder::Decide(std::string_view sample, bool texts) {
  const bool fast = info_.codec == DataCodec::kZstd && !texts;
  info_.codec = packer_->Choose(fast ? DataCodec::kSnappy : info_.codec, sample);
  decided_ = true;
  for (const WaitingPage& page : waiting_) {
    AppendPage(PageKind::kData, page.encoding, page.rows, page.body, &pages_);
  }
  waiting_.clear();
}

void ColumnEncoder::AppendPage(PageKind kind, std::int32_t encoding, std::size_t values,
                               std::string_view body, std::string* out) {
  const std::string_view stored = packer_->Pack(info_.codec, body);
  const std::size_t begin = out->size();
  ThriftWriter page(out);
  page.I32(1, kind == PageKind::kData ? kDataPage : kDictionaryPage);
  page.I32(2, static_cast<std::int32_t>(body.size()));
  page.I32(3, static_cast<std::int32_t>(stored.size()));
  page.BeginStruct(kind == PageKind::kData ? 5 : 7);
  page.I32(1, static_cast<std::int32_t>(values));
  page.I32(2, encoding);
  if (kind == PageKind::kData) {
    page.I32(3, kRle);
    page.I32(4, kRle);
  }
  page.End();
  page.End();
  info_.plain_bytes += static_cast<std::int64_t>(out->size() - begin + body.size());
  out->append(stored);
}

ColumnChunkInfo ColumnEncoder::Finish(std::int64_t offset, std::string* out) {
  EndPage();
  if (!decided_) Decide({}, false);
  const std::size_t begin = out->size();
  info_.data_offset = offset;
  if (coded_) {
    AppendPage(PageKind::kDictionary, kPlain, EntryCount(), PlainEntries(), out);
    info_.dictionary_offset = offset;
    info_.data_offset = offset + static_cast<std::int64_t>(out->size() - begin);
  }
  out->append(pages_);
  info_.bytes = static_cast<std::int64_t>(out->size() - begin);
  FinishBounds();
  FinishFilter();
  return std::move(info_);
}

// Texts are looked for one at a time, users and ids before all: a file that has not got them is
// told by one read of a few kilobytes.
void ColumnEncoder::FinishFilter() {
  const std::size_t values = dictionary_.size() + hashes_.size();
  if (!filtered_ || values < kFilterValuesMin) return;
  const std::uint64_t blocks = FilterBlocks(values, kFilterBitsPerValue);
  info_.filter.assign(blocks * kFilterBlockBytes, '\0');
  const auto add = [&](std::uint64_t hash) {
    AddToFilterBlock(info_.filter.data() + FilterBlockOf(hash, blocks) * kFilterBlockBytes,
                     static_cast<std::uint32_t>(hash));
  };
  for (std::uint32_t i = 0; i < dictionary_.size(); ++i) add(HashXxh64(dictionary_.Entry(i)));
  for (const std::uint64_t hash : hashes_) add(hash);
}

void ColumnEncoder::Trim() {
  const auto trim = [](auto* buffer) {
    if (buffer->capacity() * sizeof(*buffer->data()) > kKeptBytesMax) *buffer = {};
  };
  trim(&validity_);
  trim(&codes_);
  trim(&numbers_);
  trim(&hashes_);
  trim(&values_);
  trim(&pages_);
  trim(&body_);
  dictionary_.Trim(kKeptBytesMax);
  doubles_.Trim(kKeptBytesMax);
  remaps_ = {};
}

void ColumnEncoder::FinishBounds() {
  if (column_->type == Type::kString) {
    for (std::uint32_t i = 0; i < dictionary_.size(); ++i) SeeText(dictionary_.Entry(i));
    if (!any_ || std::max(text_min_.size(), text_max_.size()) > kBoundBytesMax) return;
    info_.min = text_min_;
    info_.max = text_max_;
    return;
  }
  if (!any_ || nan_) return;
  switch (column_->type) {
    case Type::kDouble:
      // Zeros of both signs are equal to min and max, but not to every reader.
      info_.min = RawOf(double_min_ == 0 ? -0.0 : double_min_);
      info_.max = RawOf(double_max_ == 0 ? 0.0 : double_max_);
      return;
    case Type::kInt32:
      info_.min = RawOf(static_cast<std::int32_t>(number_min_));
      info_.max = RawOf(static_cast<std::int32_t>(number_max_));
      return;
    case Type::kBool:
      info_.min = RawOf(number_min_ != 0);
      info_.max = RawOf(number_max_ != 0);
      return;
    default:
      info_.min = RawOf(number_min_);
      info_.max = RawOf(number_max_);
  }
}

}  // namespace tidemark::engine
