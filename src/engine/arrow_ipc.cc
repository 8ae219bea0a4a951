#include "engine/arrow_ipc.h"

#include <algorithm>
#include <cstring>

namespace tidemark::engine::arrow {
namespace {

constexpr std::size_t kAlignment = 8;
// Numbers of the format.
constexpr std::int64_t kVersion5 = 4;
constexpr std::int64_t kSchemaHeader = 1;
constexpr std::int64_t kRecordBatchHeader = 3;
constexpr std::int64_t kMicroseconds = 2;
constexpr std::int64_t kUuidBytes = 16;

template <class Number>
void Put(std::string* out, std::size_t at, Number number) {
  std::memcpy(out->data() + at, &number, sizeof number);
}

void Pad(std::string* out, std::size_t alignment) {
  while (out->size() % alignment != 0) out->push_back('\0');
}

// A FlatBuffer, written front to back: a table first, then what it points to.
class Flat {
 public:
  struct Slot {
    int slot;   // Of the table's declaration.
    int bytes;  // 1, 2, 4 or 8; an offset has 4.
    std::int64_t value = 0;
  };
  static constexpr Slot Offset(int slot) { return {slot, 4, 0}; }

  Flat() : bytes_(4, '\0') {}

  // Returns where each slot's value lies, in the order given: Point fills the offsets in.
  std::vector<std::size_t> Table(std::vector<Slot> slots) {
    int count = 0;
    for (const Slot& slot : slots) count = std::max(count, slot.slot + 1);
    Pad(&bytes_, 2);
    const std::size_t vtable = bytes_.size();
    bytes_.resize(vtable + 4 + 2 * static_cast<std::size_t>(count));
    Pad(&bytes_, kAlignment);
    table_ = bytes_.size();
    bytes_.resize(table_ + 4);
    Put(&bytes_, table_, static_cast<std::int32_t>(table_ - vtable));
    std::vector<std::size_t> places;
    for (const Slot& slot : slots) {
      const auto width = static_cast<std::size_t>(slot.bytes);
      Pad(&bytes_, width);
      places.push_back(bytes_.size());
      bytes_.append(reinterpret_cast<const char*>(&slot.value), width);
      Put(&bytes_, vtable + 4 + 2 * static_cast<std::size_t>(slot.slot),
          static_cast<std::uint16_t>(places.back() - table_));
    }
    Put(&bytes_, vtable, static_cast<std::uint16_t>(4 + 2 * count));
    Put(&bytes_, vtable + 2, static_cast<std::uint16_t>(bytes_.size() - table_));
    return places;
  }
  std::size_t table() const { return table_; }  // The last one.

  void Point(std::size_t from, std::size_t to) {
    Put(&bytes_, from, static_cast<std::uint32_t>(to - from));
  }
  std::size_t Text(std::string_view text) {
    Pad(&bytes_, 4);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 4);
    Put(&bytes_, at, static_cast<std::uint32_t>(text.size()));
    bytes_.append(text).push_back('\0');
    return at;
  }
  // Of offsets, to be pointed: element i lies at the returned place + 4 + 4 * i.
  std::size_t Offsets(std::size_t count) {
    Pad(&bytes_, 4);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 4 + 4 * count);
    Put(&bytes_, at, static_cast<std::uint32_t>(count));
    return at;
  }
  // Of structs of two 64-bit numbers.
  std::size_t Pairs(const std::vector<std::int64_t>& numbers) {
    while (bytes_.size() % kAlignment != 4) bytes_.push_back('\0');
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 4 + 8 * numbers.size());
    Put(&bytes_, at, static_cast<std::uint32_t>(numbers.size() / 2));
    for (std::size_t i = 0; i < numbers.size(); ++i) Put(&bytes_, at + 4 + 8 * i, numbers[i]);
    return at;
  }
  std::string Finish(std::size_t root) && {
    Put(&bytes_, 0, static_cast<std::uint32_t>(root));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::size_t table_ = 0;
};

// The message around a header table; returns where the header's offset lies.
std::size_t BeginMessage(Flat* flat, std::int64_t header, std::int64_t body_bytes,
                         std::size_t* root) {
  const auto places =
      flat->Table({{3, 8, body_bytes}, Flat::Offset(2), {0, 2, kVersion5}, {1, 1, header}});
  *root = flat->table();
  return places[1];
}

std::string Framed(std::string metadata) {
  Pad(&metadata, kAlignment);
  std::string out("\xff\xff\xff\xff");
  const auto size = static_cast<std::uint32_t>(metadata.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  return out + metadata;
}

// The number of the type's table in the format's union.
std::int64_t UnionNumber(Type type) {
  switch (type) {
    case Type::kInt:
      return 2;
    case Type::kFloat:
      return 3;
    case Type::kBinary:
      return 4;
    case Type::kUtf8:
      return 5;
    case Type::kBool:
      return 6;
    case Type::kDecimal:
      return 7;
    case Type::kDate:
      return 8;
    case Type::kTime:
      return 9;
    case Type::kTimestamp:
      return 10;
    case Type::kList:
      return 12;
    case Type::kStruct:
      return 13;
    case Type::kUuid:
      return 15;  // FixedSizeBinary.
    case Type::kMap:
      break;
  }
  return 17;
}

std::size_t AddTimestamp(Flat* flat, const Field& field) {
  const auto unit = static_cast<std::int64_t>(field.unit);
  if (!field.utc) {
    flat->Table({{0, 2, unit}});
    return flat->table();
  }
  const auto places = flat->Table({Flat::Offset(1), {0, 2, unit}});
  const std::size_t table = flat->table();
  flat->Point(places[0], flat->Text("UTC"));
  return table;
}

std::size_t AddType(Flat* flat, const Field& field) {
  switch (field.type) {
    case Type::kInt:
      flat->Table({{0, 4, field.bits}, {1, 1, field.is_signed ? 1 : 0}});
      break;
    case Type::kFloat:
      flat->Table({{0, 2, field.bits == 64 ? 2 : 1}});
      break;
    case Type::kDecimal:
      flat->Table({{0, 4, field.precision}, {1, 4, field.scale}, {2, 4, 128}});
      break;
    case Type::kDate:
      flat->Table({{0, 2, 0}});  // Days.
      break;
    case Type::kTime:
      flat->Table({{1, 4, 64}, {0, 2, kMicroseconds}});
      break;
    case Type::kTimestamp:
      return AddTimestamp(flat, field);
    case Type::kUuid:
      flat->Table({{0, 4, kUuidBytes}});
      break;
    case Type::kMap:
      flat->Table({{0, 1, 0}});  // Its keys are in no order.
      break;
    case Type::kUtf8:
    case Type::kBinary:
    case Type::kBool:
    case Type::kList:
    case Type::kStruct:
      flat->Table({});
      break;
  }
  return flat->table();
}

void AddKeyValue(Flat* flat, std::size_t from, std::string_view key, std::string_view value) {
  const auto places = flat->Table({Flat::Offset(0), Flat::Offset(1)});
  flat->Point(from, flat->table());
  flat->Point(places[0], flat->Text(key));
  flat->Point(places[1], flat->Text(value));
}

// Children are as deep as the statement nests its types, which the engine bounds.
void AddField(Flat* flat, std::size_t from, const Field& field) {
  std::vector<Flat::Slot> slots = {Flat::Offset(0),
                                   Flat::Offset(3),
                                   Flat::Offset(5),
                                   {1, 1, field.nullable ? 1 : 0},
                                   {2, 1, UnionNumber(field.type)}};
  const bool is_extension = field.type == Type::kUuid;
  if (is_extension) slots.insert(slots.begin(), Flat::Offset(6));
  auto places = flat->Table(slots);
  flat->Point(from, flat->table());
  if (is_extension) {
    const std::size_t list = flat->Offsets(2);
    flat->Point(places[0], list);
    AddKeyValue(flat, list + 4, "ARROW:extension:name", "arrow.uuid");
    AddKeyValue(flat, list + 8, "ARROW:extension:metadata", "");
    places.erase(places.begin());
  }
  flat->Point(places[0], flat->Text(field.name));
  flat->Point(places[1], AddType(flat, field));
  const std::size_t list = flat->Offsets(field.children.size());
  flat->Point(places[2], list);
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    AddField(flat, list + 4 + 4 * i, field.children[i]);
  }
}

// Appends a buffer, padded, and notes where it lies.
void AddBuffer(const std::string& bytes, std::string* body, std::vector<std::int64_t>* buffers) {
  buffers->push_back(static_cast<std::int64_t>(body->size()));
  buffers->push_back(static_cast<std::int64_t>(bytes.size()));
  body->append(bytes);
  Pad(body, kAlignment);
}

// A column and its children, each before its own children: the order of the format.
void AddColumn(const Field& field, const Column& column, std::string* body,
               std::vector<std::int64_t>* nodes, std::vector<std::int64_t>* buffers) {
  nodes->push_back(column.rows);
  nodes->push_back(column.nulls);
  AddBuffer(column.validity, body, buffers);
  if (HasOffsets(field.type)) AddBuffer(column.offsets, body, buffers);
  if (HasData(field.type)) AddBuffer(column.data, body, buffers);
  for (std::size_t i = 0; i < column.children.size(); ++i) {
    AddColumn(field.children[i], column.children[i], body, nodes, buffers);
  }
}

}  // namespace

bool HasOffsets(Type type) {
  return type == Type::kUtf8 || type == Type::kBinary || type == Type::kList || type == Type::kMap;
}

bool HasData(Type type) {
  return type != Type::kList && type != Type::kMap && type != Type::kStruct;
}

std::string SchemaMessage(const std::vector<Field>& fields) {
  Flat flat;
  std::size_t root = 0;
  const std::size_t header = BeginMessage(&flat, kSchemaHeader, 0, &root);
  const auto places = flat.Table({Flat::Offset(1), {0, 2, 0}});
  flat.Point(header, flat.table());
  const std::size_t list = flat.Offsets(fields.size());
  flat.Point(places[0], list);
  for (std::size_t i = 0; i < fields.size(); ++i) AddField(&flat, list + 4 + 4 * i, fields[i]);
  return Framed(std::move(flat).Finish(root));
}

std::string BatchMessage(const std::vector<Field>& fields, const std::vector<Column>& columns,
                         std::int64_t rows) {
  std::string body;
  std::vector<std::int64_t> nodes;
  std::vector<std::int64_t> buffers;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    AddColumn(fields[i], columns[i], &body, &nodes, &buffers);
  }
  Flat flat;
  std::size_t root = 0;
  const std::size_t header =
      BeginMessage(&flat, kRecordBatchHeader, static_cast<std::int64_t>(body.size()), &root);
  const auto places = flat.Table({{0, 8, rows}, Flat::Offset(1), Flat::Offset(2)});
  flat.Point(header, flat.table());
  flat.Point(places[1], flat.Pairs(nodes));
  flat.Point(places[2], flat.Pairs(buffers));
  return Framed(std::move(flat).Finish(root)) + body;
}

}  // namespace tidemark::engine::arrow
