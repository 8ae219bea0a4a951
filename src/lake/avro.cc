#include "lake/avro.h"

#include <utility>

#include "base/json_reader.h"
#include "base/published.h"
#include "lake/deflate.h"

namespace tidemark::lake::avro {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);
constexpr int kDeflateLevel = 6;
constexpr int kDepthMax = 64;

std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

// Named types that were defined so far, by name.
using Names = std::map<std::string, std::shared_ptr<const Schema>, std::less<>>;

constexpr std::array<std::pair<std::string_view, Schema::Kind>, 8> kPrimitives = {{
    {"null", Schema::Kind::kNull},
    {"boolean", Schema::Kind::kBool},
    {"int", Schema::Kind::kInt},
    {"long", Schema::Kind::kLong},
    {"float", Schema::Kind::kFloat},
    {"double", Schema::Kind::kDouble},
    {"bytes", Schema::Kind::kBytes},
    {"string", Schema::Kind::kString},
}};

Result<std::shared_ptr<const Schema>> Build(const JsonValue& json, Names* names);

Result<std::shared_ptr<const Schema>> BuildName(const std::string& name, const Names& names) {
  for (const auto& [primitive, kind] : kPrimitives) {
    if (primitive != name) continue;
    auto schema = std::make_shared<Schema>();
    schema->kind = kind;
    return schema;
  }
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  return Fail(Code::kCorruption, "Avro schema with an unknown type " + name);
}

Result<std::shared_ptr<const Schema>> BuildRecord(const JsonValue& json, Names* names) {
  auto schema = std::make_shared<Schema>();
  schema->kind = Schema::Kind::kRecord;
  const JsonValue* fields = json.Find("fields");
  if (fields == nullptr) return Fail(Code::kCorruption, "Avro record without fields");
  for (const JsonValue& field : fields->items()) {
    const JsonValue* type = field.Find("type");
    if (type == nullptr) return Fail(Code::kCorruption, "Avro field without type");
    Schema::Field& one = schema->fields.emplace_back();
    if (const JsonValue* name = field.Find("name")) one.name = name->text();
    if (const JsonValue* id = field.Find("field-id")) {
      one.field_id = static_cast<std::int32_t>(id->Int().value_or(-1));
    }
    TM_ASSIGN(one.type, Build(*type, names));
  }
  return schema;
}

Result<std::shared_ptr<const Schema>> BuildComplex(const JsonValue& json, Names* names) {
  const JsonValue* type = json.Find("type");
  if (type == nullptr) return Fail(Code::kCorruption, "Avro schema without type");
  if (!type->is_string()) return Build(*type, names);
  const std::string& kind = type->text();
  std::shared_ptr<const Schema> built;
  if (kind == "record") {
    TM_ASSIGN(built, BuildRecord(json, names));
  } else if (kind == "array" || kind == "map") {
    const JsonValue* items = json.Find(kind == "array" ? "items" : "values");
    if (items == nullptr) return Fail(Code::kCorruption, "Avro array or map without items");
    auto schema = std::make_shared<Schema>();
    schema->kind = kind == "array" ? Schema::Kind::kArray : Schema::Kind::kMap;
    TM_ASSIGN(schema->items.emplace_back(), Build(*items, names));
    built = schema;
  } else if (kind == "fixed" || kind == "enum") {
    auto schema = std::make_shared<Schema>();
    schema->kind = kind == "fixed" ? Schema::Kind::kFixed : Schema::Kind::kEnum;
    if (const JsonValue* size = json.Find("size")) {
      if (size->Int().value_or(-1) < 0) return Fail(Code::kCorruption, "Avro type of a bad size");
      schema->size = static_cast<std::size_t>(*size->Int());
    }
    built = schema;
  } else {
    return BuildName(kind, *names);
  }
  if (const JsonValue* name = json.Find("name")) {
    (*names)[name->text()] = built;
    if (const JsonValue* space = json.Find("namespace")) {
      (*names)[space->text() + "." + name->text()] = built;
    }
  }
  return built;
}

Result<std::shared_ptr<const Schema>> Build(const JsonValue& json, Names* names) {
  if (json.is_string()) return BuildName(json.text(), *names);
  if (json.is_object()) return BuildComplex(json, names);
  if (!json.is_array()) return Fail(Code::kCorruption, "Avro schema that is no schema");
  auto schema = std::make_shared<Schema>();
  schema->kind = Schema::Kind::kUnion;
  for (const JsonValue& branch : json.items()) {
    TM_ASSIGN(schema->items.emplace_back(), Build(branch, names));
  }
  return schema;
}

}  // namespace

void Encoder::Long(std::int64_t value) {
  std::uint64_t rest = ZigZag(value);
  while (rest >= 0x80) {
    bytes_.push_back(static_cast<char>(rest | 0x80));
    rest >>= 7;
  }
  bytes_.push_back(static_cast<char>(rest));
}

void Encoder::Bytes(std::string_view value) {
  Long(static_cast<std::int64_t>(value.size()));
  bytes_.append(value);
}

void Encoder::BeginArray(std::size_t count) {
  // An empty array is its end alone.
  if (count > 0) Long(static_cast<std::int64_t>(count));
}

Writer::Writer(std::string_view schema_json,
               const std::vector<std::pair<std::string, std::string>>& header, Codec codec,
               const Uuid& sync)
    : codec_(codec), sync_(reinterpret_cast<const char*>(sync.bytes.data()), sync.bytes.size()) {
  Encoder head;
  head.Fixed(kMagic);
  head.BeginArray(header.size() + 2);
  head.Bytes("avro.schema");
  head.Bytes(schema_json);
  head.Bytes("avro.codec");
  head.Bytes(codec == Codec::kDeflate ? "deflate" : "null");
  for (const auto& [key, value] : header) {
    head.Bytes(key);
    head.Bytes(value);
  }
  head.EndArray();
  head.Fixed(sync_);
  out_ = std::move(*head.bytes());
}

Encoder* Writer::Record() {
  if (block_.bytes()->size() >= kBlockBytes) Flush();
  ++records_;
  return &block_;
}

void Writer::Flush() {
  if (records_ == 0) return;
  const std::string block = codec_ == Codec::kDeflate
                                ? Deflate(*block_.bytes(), DeflateForm::kRaw, kDeflateLevel)
                                : *block_.bytes();
  Encoder head;
  head.Long(records_);
  head.Long(static_cast<std::int64_t>(block.size()));
  out_ += *head.bytes();
  out_ += block;
  out_ += sync_;
  block_.bytes()->clear();
  records_ = 0;
}

std::string Writer::Finish() && {
  Flush();
  return std::move(out_);
}

namespace {

using Schemas = std::map<std::string, std::shared_ptr<const Schema>, std::less<>>;
constexpr std::size_t kSchemasMax = 32;

// The manifests of a table have a handful of schemas, and each file repeats one.
Published<Schemas>& KnownSchemas() {
  static Published<Schemas> known(std::make_shared<const Schemas>());
  return known;
}

Result<std::shared_ptr<const Schema>> ParseNewSchema(std::string_view json) {
  auto parsed = JsonValue::Parse(json);
  if (!parsed.has_value()) {
    return Fail(Code::kCorruption, "Avro schema: " + parsed.error().message());
  }
  Names names;
  return Build(*parsed, &names);
}

}  // namespace

Result<std::shared_ptr<const Schema>> ParseSchema(std::string_view json) {
  const auto known = KnownSchemas().Load();
  if (const auto found = known->find(json); found != known->end()) return found->second;
  TM_ASSIGN(auto schema, ParseNewSchema(json));
  KnownSchemas().Update([&](const Schemas& current) {
    auto next = std::make_shared<Schemas>(current.size() < kSchemasMax ? current : Schemas());
    next->emplace(json, schema);
    return std::shared_ptr<const Schemas>(std::move(next));
  });
  return schema;
}

void Decoder::Stop() {
  failed_ = true;
  at_ = bytes_.size();
}

std::int64_t Decoder::RawLong() {
  std::uint64_t sum = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) break;
    const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
    sum |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return static_cast<std::int64_t>((sum >> 1) ^ (~(sum & 1) + 1));
  }
  Stop();
  return 0;
}

std::string_view Decoder::Raw(std::size_t size) {
  if (size > bytes_.size() - at_) {
    Stop();
    return {};
  }
  const std::string_view raw = bytes_.substr(at_, size);
  at_ += size;
  return raw;
}

const Schema* Decoder::Unwrap(const Schema& schema) {
  const Schema* at = &schema;
  while (at->kind == Schema::Kind::kUnion) {
    const std::int64_t branch = RawLong();
    if (branch < 0 || static_cast<std::size_t>(branch) >= at->items.size()) {
      Stop();
      return nullptr;
    }
    at = at->items[static_cast<std::size_t>(branch)].get();
  }
  if (failed_ || at->kind == Schema::Kind::kNull) return nullptr;
  return at;
}

std::optional<std::int64_t> Decoder::Long(const Schema& schema) {
  const Schema* type = Unwrap(schema);
  if (type == nullptr) return std::nullopt;
  std::optional<std::int64_t> value;
  switch (type->kind) {
    case Schema::Kind::kInt:
    case Schema::Kind::kLong:
    case Schema::Kind::kEnum:
      value = RawLong();
      break;
    case Schema::Kind::kBool:
      value = Raw(1) == std::string_view("\1", 1) ? 1 : 0;
      break;
    default:
      Skip(*type);
      return std::nullopt;
  }
  if (failed_) return std::nullopt;
  return value;
}

std::optional<std::string_view> Decoder::Bytes(const Schema& schema) {
  const Schema* type = Unwrap(schema);
  if (type == nullptr) return std::nullopt;
  std::string_view value;
  switch (type->kind) {
    case Schema::Kind::kBytes:
    case Schema::Kind::kString: {
      const std::int64_t size = RawLong();
      value = Raw(size < 0 ? bytes_.size() + 1 : static_cast<std::size_t>(size));
      break;
    }
    case Schema::Kind::kFixed:
      value = Raw(type->size);
      break;
    default:
      Skip(*type);
      return std::nullopt;
  }
  if (failed_) return std::nullopt;
  return value;
}

void Decoder::SkipBlocks(const Schema& item, bool keyed) {
  static const Schema kKey = [] {
    Schema key;
    key.kind = Schema::Kind::kString;
    return key;
  }();
  while (!failed_) {
    std::int64_t count = RawLong();
    if (count == 0) return;
    if (count < 0) {
      const std::int64_t size = RawLong();
      Raw(size < 0 ? bytes_.size() + 1 : static_cast<std::size_t>(size));
      continue;
    }
    for (; count > 0 && !failed_; --count) {
      const std::size_t before = at_;
      if (keyed) Skip(kKey);
      Skip(item);
      // Items of no size would let a few bytes ask for 2^63 of them.
      if (at_ == before) return Stop();
    }
  }
}

void Decoder::Skip(const Schema& schema) {
  const Schema* type = Unwrap(schema);
  if (type == nullptr) return;
  if (++depth_ > kDepthMax) return Stop();
  switch (type->kind) {
    case Schema::Kind::kNull:
    case Schema::Kind::kUnion:
      break;
    case Schema::Kind::kBool:
      Raw(1);
      break;
    case Schema::Kind::kInt:
    case Schema::Kind::kLong:
    case Schema::Kind::kEnum:
      RawLong();
      break;
    case Schema::Kind::kFloat:
      Raw(4);
      break;
    case Schema::Kind::kDouble:
      Raw(8);
      break;
    case Schema::Kind::kBytes:
    case Schema::Kind::kString:
    case Schema::Kind::kFixed:
      static_cast<void>(Bytes(*type));
      break;
    case Schema::Kind::kArray:
    case Schema::Kind::kMap:
      SkipBlocks(*type->items.front(), type->kind == Schema::Kind::kMap);
      break;
    case Schema::Kind::kRecord:
      for (const Schema::Field& field : type->fields) {
        if (!Step()) break;
        Skip(*field.type);
      }
      break;
  }
  --depth_;
}

const Schema* Decoder::UnwrapAs(Schema::Kind kind, const Schema& schema) {
  const Schema* type = Unwrap(schema);
  if (type == nullptr || type->kind == kind) return type;
  Skip(*type);
  return nullptr;
}

std::int64_t Decoder::BeginBlock() {
  while (!failed_) {
    const std::int64_t count = RawLong();
    if (count >= 0) return failed_ ? 0 : count;
    RawLong();  // The block's size, for those who skip it.
    if (count != INT64_MIN) return failed_ ? 0 : -count;
  }
  return 0;
}

Result<std::shared_ptr<const Schema>> SchemaCache::Get(const std::string& json) {
  const auto found = schemas_.find(json);
  if (found != schemas_.end()) return found->second;
  TM_ASSIGN(auto schema, ParseSchema(json));
  schemas_.emplace(json, schema);
  return schema;
}

namespace {

// The header is a map; as an array of pairs it has the same bytes.
Schema HeaderSchema() {
  Schema pair;
  pair.kind = Schema::Kind::kRecord;
  auto text = std::make_shared<Schema>();
  text->kind = Schema::Kind::kBytes;
  pair.fields = {{"key", -1, text}, {"value", -1, text}};
  Schema map;
  map.kind = Schema::Kind::kArray;
  map.items = {std::make_shared<const Schema>(pair)};
  return map;
}

}  // namespace

Result<Reader> Reader::Open(std::string_view bytes, SchemaCache* schemas) {
  if (!bytes.starts_with(kMagic)) return Fail(Code::kCorruption, "no Avro file");
  Reader reader(bytes);
  const std::string_view body = bytes.substr(kMagic.size());
  Decoder head(body);
  static const Schema kHeader = HeaderSchema();
  std::size_t used = kMagic.size();
  head.Array(kHeader, [&](const Schema& item) {
    std::string key;
    head.Record(item, [&](const Schema::Field& field) {
      const auto value = head.Bytes(*field.type);
      if (!value.has_value()) return;
      if (field.name == "key") {
        key = *value;
      } else {
        reader.header_[key] = *value;
      }
    });
  });
  if (head.failed()) return Fail(Code::kCorruption, "Avro file with a bad header");
  used += head.position();
  if (bytes.size() - used < 16) return Fail(Code::kCorruption, "Avro file with a short header");
  reader.sync_ = bytes.substr(used, 16);
  reader.blocks_at_ = used + 16;
  reader.codec_ = reader.header_.contains("avro.codec") ? reader.header_["avro.codec"] : "null";
  if (reader.codec_ != "null" && reader.codec_ != "deflate" && reader.codec_ != "zstandard" &&
      reader.codec_ != "snappy") {
    return Fail(Code::kUnimplemented, "Avro codec " + reader.codec_);
  }
  const std::string& schema = reader.header_["avro.schema"];
  TM_ASSIGN(reader.schema_, schemas != nullptr ? schemas->Get(schema) : ParseSchema(schema));
  return reader;
}

Result<std::string> Reader::Inflate(std::string_view block) const {
  if (codec_ == "deflate") return lake::Inflate(block, DeflateForm::kRaw, kBlockBytesMax);
  if (codec_ == "zstandard") return Unzstd(block, kBlockBytesMax);
  if (codec_ == "snappy") return Unsnappy(block, kBlockBytesMax);
  return std::string(block);
}

Status Reader::ForEach(const std::function<void(Decoder*)>& visit) const {
  static const Schema kLong = [] {
    Schema schema;
    schema.kind = Schema::Kind::kLong;
    return schema;
  }();
  for (std::size_t at = blocks_at_; at < bytes_.size();) {
    Decoder head(bytes_.substr(at));
    const std::int64_t count = head.Long(kLong).value_or(-1);
    const std::int64_t size = head.Long(kLong).value_or(-1);
    at += head.position();
    if (head.failed() || count < 0 || size < 0 ||
        static_cast<std::uint64_t>(size) + sync_.size() > bytes_.size() - at) {
      return Fail(Code::kCorruption, "Avro file with a torn block");
    }
    TM_ASSIGN(const std::string block, Inflate(bytes_.substr(at, static_cast<std::size_t>(size))));
    at += static_cast<std::size_t>(size);
    if (bytes_.substr(at, sync_.size()) != sync_) {
      return Fail(Code::kCorruption, "Avro file with a bad block end");
    }
    at += sync_.size();
    Decoder decoder(block);
    for (std::int64_t i = 0; i < count && decoder.Step(); ++i) visit(&decoder);
    if (decoder.failed() || !decoder.at_end()) {
      return Fail(Code::kCorruption, "Avro block that does not decode");
    }
  }
  return {};
}

}  // namespace tidemark::lake::avro
