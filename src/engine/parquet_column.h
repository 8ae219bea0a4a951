// One column of one Parquet row group: values in, encoded and compressed pages out. Text is written
// by dictionary until that grows too large, doubles where that is smaller, else plain; whole
// numbers and times as packed differences. Source: Apache Parquet format 2.9 (Encodings.md, data
// page v1).
//
// Internal to this folder. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/data_file.h"
#include "engine/number_dictionary.h"
#include "engine/page_codec.h"
#include "event/row_source.h"

namespace tidemark::engine {

// What the footer says of a column chunk.
struct ColumnChunkInfo {
  std::int64_t dictionary_offset = 0;  // 0: none.
  std::int64_t data_offset = 0;
  std::int64_t values = 0;
  std::int64_t plain_bytes = 0;  // With page headers, before compression.
  std::int64_t bytes = 0;
  std::int64_t nulls = 0;
  DataCodec codec = DataCodec::kUncompressed;
  bool plain = false;              // Some pages are plain.
  bool differences = false;        // Its pages are packed differences.
  std::optional<std::string> min;  // As the format has them; absent: not known or no use.
  std::optional<std::string> max;
  // The blocks of a Bloom filter of its values (base/block_filter.h); empty: none. Where it is,
  // header and blocks, is set by whoever writes it.
  std::string filter;
  std::int64_t filter_offset = 0;
  std::int64_t filter_bytes = 0;
};

// The text values of a column chunk by number.
class TextDictionary {
 public:
  void Clear();
  void Trim(std::size_t bytes_max);
  // The number of `text`, which is kept.
  std::uint32_t Find(const event::StringRef& text);
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  // Entries as a PLAIN page has them: a length of 4 bytes and the bytes, one after the other.
  const std::string& plain() const { return plain_; }
  std::string_view Entry(std::uint32_t number) const;

 private:
  struct Kept {
    event::StringRef text;  // Of a long one the length and the first bytes count.
    std::uint32_t at;       // In plain_, behind the length.
    std::uint32_t hash;
  };
  bool IsSame(const Kept& entry, const event::StringRef& text) const;
  void Grow();

  std::string plain_;
  std::vector<Kept> entries_;
  std::uint32_t last_ = 0;            // That was found.
  std::vector<std::uint32_t> slots_;  // Number + 1; 0: free. A power of two.
};

// Reused for one column after the other: Begin, Add for each chunk, Finish.
class ColumnEncoder {
 public:
  // `packer`, which serves other columns as well, must outlive it.
  explicit ColumnEncoder(PageCodec* packer) : packer_(packer) {}

  // How a reader finds out that a text is not there.
  enum class Lookup : std::uint8_t { kNone, kByFilter };
  // `column` must outlive the call of Finish. Pages are compressed by `codec` or less. A column
  // of many texts gets a Bloom filter, with kByFilter.
  void Begin(const event::TableColumn& column, DataCodec codec, Lookup lookup);
  void Add(const event::ColumnView& view, std::size_t rows);
  // Appends the pages to `out`, whose first byte is at `offset` of the file.
  ColumnChunkInfo Finish(std::int64_t offset, std::string* out);
  // After Finish: gives back memory that only a large chunk needs.
  void Trim();

 private:
  using Words = const std::uint64_t*;

  void AddFixed(const event::ColumnView& view, std::size_t rows);
  void AddWhole(std::span<const std::int64_t> numbers);
  void AddStrings(const event::ColumnView& view, std::size_t rows);
  void AddCodes(const event::ColumnView& view, std::size_t rows);
  void AddText(const event::StringRef& text);
  void AddPlainText(const event::ColumnView& view, std::size_t rows);
  void LeaveDictionary();
  bool DictionaryPays() const;
  void Unfold();
  std::uint32_t EntryCount() const;
  std::string_view PlainEntries() const;
  void AddValidity(Words validity, bool valid, std::size_t rows);
  void SeeText(std::string_view text);
  char* Room(std::size_t bytes);
  std::vector<std::uint32_t>* RemapOf(const event::ColumnView& view);

  enum class PageKind : std::uint8_t { kData, kDictionary };
  void EndPage();
  void AppendData(std::int32_t encoding, std::string_view body);
  void Decide(std::string_view sample, bool texts);
  void AppendPage(PageKind kind, std::int32_t encoding, std::size_t values, std::string_view body,
                  std::string* out);
  void FinishBounds();
  void FinishFilter();

  PageCodec* const packer_;
  const event::TableColumn* column_ = nullptr;
  ColumnChunkInfo info_;

  // The page being filled.
  std::vector<std::uint64_t> validity_;
  std::size_t page_rows_ = 0;
  std::size_t page_valid_ = 0;
  std::vector<std::uint32_t> codes_;   // By dictionary.
  std::vector<std::int64_t> numbers_;  // Whole numbers.
  std::vector<char> values_;           // Room for levels, and `used_` bytes of plain values.
  std::size_t used_ = 0;

  // The column chunk.
  bool by_dictionary_ = false;
  bool filtered_ = false;  // Has a Bloom filter, unless there are few values.
  bool coded_ = false;     // Some pages are: before, all codes are still in `codes_`.
  TextDictionary dictionary_;
  NumberDictionary doubles_;
  std::size_t looked_up_ = 0;  // Values, in one of them.
  // Numbers of a source's dictionary codes, + 1, by where its entries lie.
  std::unordered_map<const event::StringRef*, std::vector<std::uint32_t>> remaps_;
  std::vector<std::uint64_t> hashes_;  // Of texts that are written out, for the filter.
  std::string pages_;
  std::string body_;
  // A chunk has one codec, which its first pages are too small to tell: they wait for it.
  struct WaitingPage {
    std::int32_t encoding;
    std::size_t rows;
    std::string body;
  };
  bool decided_ = false;
  std::vector<WaitingPage> waiting_;
  std::int64_t number_min_ = 0;
  std::int64_t number_max_ = 0;
  double double_min_ = 0;
  double double_max_ = 0;
  bool any_ = false;
  bool nan_ = false;
  std::string text_min_;
  std::string text_max_;
  std::uint64_t prefix_min_ = 0;
  std::uint64_t prefix_max_ = 0;
};

}  // namespace tidemark::engine
