// Avro values as JSON: for people who look into a manifest.
#include <cstring>

#include "base/bytes.h"
#include "lake/avro.h"

namespace tidemark::lake::avro {
namespace {

// Deeper than any reader goes: such a value does not come from a table.
constexpr int kJsonValueDepthMax = 64;

template <class T>
double FloatOf(std::string_view raw) {
  T value{};
  if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
  return static_cast<double>(value);
}

}  // namespace

void Decoder::ToJson(const Schema& schema, JsonWriter* out) {
  using Kind = Schema::Kind;
  const Schema* type = Unwrap(schema);
  if (type == nullptr || depth_ >= kJsonValueDepthMax) {
    if (type != nullptr) Stop();
    out->Null();
    return;
  }
  ++depth_;
  switch (type->kind) {
    case Kind::kNull:
    case Kind::kUnion:
      out->Null();
      break;
    case Kind::kBool:
      out->Bool(Long(*type).value_or(0) != 0);
      break;
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kEnum:
      out->Int(Long(*type).value_or(0));
      break;
    case Kind::kFloat:
      out->Double(FloatOf<float>(Raw(4)));
      break;
    case Kind::kDouble:
      out->Double(FloatOf<double>(Raw(8)));
      break;
    case Kind::kString:
      out->String(Bytes(*type).value_or(""));
      break;
    case Kind::kBytes:
    case Kind::kFixed:
      out->String(ToHex(AsBytes(Bytes(*type).value_or(""))));
      break;
    case Kind::kArray:
      out->BeginArray();
      Array(*type, [&](const Schema& item) { ToJson(item, out); });
      out->EndArray();
      break;
    case Kind::kMap:
      // Tables have none: their maps are arrays of pairs.
      Skip(*type);
      out->Null();
      break;
    case Kind::kRecord:
      out->BeginObject();
      for (const Schema::Field& field : type->fields) {
        if (!Step()) break;
        out->Key(field.name);
        ToJson(*field.type, out);
      }
      out->EndObject();
      break;
  }
  --depth_;
}

}  // namespace tidemark::lake::avro
