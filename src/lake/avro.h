// Avro object container files, both ways, as far as Iceberg's manifests need them. Format: Apache
// Avro 1.12 specification. Codecs: null and deflate are written; null, deflate, snappy and
// zstandard are read. Any thread; one thread an object.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "base/uuid.h"

namespace tidemark::lake::avro {

inline constexpr std::size_t kBlockBytes = 64 << 10;       // Written, before compression.
inline constexpr std::size_t kBlockBytesMax = 256U << 20;  // Read, after decompression.
// Fields and records that a block may have without any byte of their own, beside one a byte: what
// has no bytes could otherwise be there as often as its writer likes to say.
inline constexpr std::uint64_t kEmptyFieldsMax = 1'000'000;
inline constexpr std::uint64_t kArrayItemsMax = 1'000'000;  // Of one array.

enum class Codec : std::uint8_t { kNull, kDeflate };

// Appends values in Avro's binary form. The caller follows the schema.
class Encoder {
 public:
  void Long(std::int64_t value);  // int and long
  void Bool(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void Bytes(std::string_view value);  // bytes and string
  void Fixed(std::string_view value) { bytes_.append(value); }
  void Null() { Long(0); }  // Branch 0 of ["null", T].
  void Some() { Long(1); }  // Branch 1; T follows.
  // An array of `count` items follows; EndArray after them.
  void BeginArray(std::size_t count);
  void EndArray() { Long(0); }

  std::string* bytes() { return &bytes_; }

 private:
  std::string bytes_;
};

class Writer {
 public:
  // `sync` marks the ends of blocks; the same input gives the same file.
  Writer(std::string_view schema_json,
         const std::vector<std::pair<std::string, std::string>>& header, Codec codec,
         const Uuid& sync);

  // Where the next record is encoded.
  Encoder* Record();
  // The file.
  std::string Finish() &&;

 private:
  void Flush();

  std::string out_;
  Encoder block_;
  std::int64_t records_ = 0;
  Codec codec_;
  std::string sync_;
};

// A writer's schema as a tree.
struct Schema {
  enum class Kind : std::uint8_t {
    kNull,
    kBool,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kFixed,
    kEnum,
    kArray,
    kMap,
    kUnion,
    kRecord,
  };
  struct Field {
    std::string name;
    std::int32_t field_id = -1;  // Iceberg's; -1: none.
    std::shared_ptr<const Schema> type;
  };
  Kind kind = Kind::kNull;
  std::size_t size = 0;       // kFixed
  std::vector<Field> fields;  // kRecord
  // kUnion: branches; kArray, kMap: the one type of the items.
  std::vector<std::shared_ptr<const Schema>> items;
};

Result<std::shared_ptr<const Schema>> ParseSchema(std::string_view json);

// Schemas by their text, each parsed once: all manifests of a table have the same few. One thread;
// for the time of one loading.
class SchemaCache {
 public:
  Result<std::shared_ptr<const Schema>> Get(const std::string& json);

 private:
  std::map<std::string, std::shared_ptr<const Schema>> schemas_;
};

// Decodes values of a block by the schema they were written with. Every read unwraps a union and
// gives nothing for null; a value of another type than asked for is skipped and nothing is given.
// A decoder that has failed gives nothing any more: look at failed() at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes)
      : bytes_(bytes), steps_left_(kEmptyFieldsMax + bytes.size()) {}

  std::optional<std::int64_t> Long(const Schema& schema);       // int, long, bool, enum
  std::optional<std::string_view> Bytes(const Schema& schema);  // bytes, string, fixed
  void Skip(const Schema& schema);
  // Calls `visit` for every field of a record, in order; it must read or skip the field's value.
  // False: it was null or no record.
  template <class Visit>  // void(const Schema::Field&)
  bool Record(const Schema& schema, const Visit& visit) {
    const Schema* type = UnwrapAs(Schema::Kind::kRecord, schema);
    if (type == nullptr) return false;
    for (const Schema::Field& field : type->fields) {
      if (!Step()) return false;
      visit(field);
    }
    return !failed_;
  }
  // Calls `visit` for every item of an array. False: it was null or no array.
  template <class Visit>  // void(const Schema&)
  bool Array(const Schema& schema, const Visit& visit) {
    const Schema* type = UnwrapAs(Schema::Kind::kArray, schema);
    if (type == nullptr) return false;
    std::uint64_t items = 0;
    while (const std::int64_t count = BeginBlock()) {
      for (std::int64_t i = 0; i < count && !failed_; ++i) {
        const std::size_t before = at_;
        visit(*type->items.front());
        if (at_ == before || ++items > kArrayItemsMax) Stop();
      }
    }
    return !failed_;
  }

  // Writes the value, whatever it is: bytes as hex, a union as what it holds.
  void ToJson(const Schema& schema, JsonWriter* out);

  // Of a field or record that is about to be read. False, and failed: there are too many.
  bool Step() {
    if (steps_left_ == 0) Stop();
    steps_left_ -= steps_left_ == 0 ? 0U : 1U;
    return !failed_;
  }
  // From now on it has failed.
  void Stop();
  bool failed() const { return failed_; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t position() const { return at_; }
  // The bytes read since the decoder was at `position`.
  std::string_view Since(std::size_t position) const {
    return bytes_.substr(position, at_ - position);
  }

 private:
  const Schema* Unwrap(const Schema& schema);
  // Nothing for null, and for a value of another kind, which is skipped.
  const Schema* UnwrapAs(Schema::Kind kind, const Schema& schema);
  // The items of an array's next block; 0: there is none.
  std::int64_t BeginBlock();
  std::int64_t RawLong();
  std::string_view Raw(std::size_t size);
  void SkipBlocks(const Schema& item, bool keyed);

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::uint64_t steps_left_;
  int depth_ = 0;
  bool failed_ = false;
};

class Reader {
 public:
  // Reads the header. kCorruption; kUnimplemented for an unknown codec. `bytes` must outlive the
  // reader. `schemas`, if given, is asked first.
  static Result<Reader> Open(std::string_view bytes, SchemaCache* schemas = nullptr);

  const std::map<std::string, std::string>& header() const { return header_; }
  const Schema& schema() const { return *schema_; }
  // Calls `visit` for every record; it must read exactly one record by schema(). kCorruption.
  Status ForEach(const std::function<void(Decoder*)>& visit) const;

 private:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  Result<std::string> Inflate(std::string_view block) const;

  std::string_view bytes_;
  std::size_t blocks_at_ = 0;
  std::string_view sync_;
  std::string codec_;
  std::map<std::string, std::string> header_;
  std::shared_ptr<const Schema> schema_;
};

}  // namespace tidemark::lake::avro
