// Writes JSON text, compact, without building a tree. One thread; never fails: the caller keeps
// keys inside objects and ends what it begins (TM_CHECKed).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 are the caller's sin.
void AppendJsonString(std::string* out, std::string_view text);

class JsonWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  explicit JsonWriter(std::string* out) : out_(out) {}

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view name);

  JsonWriter& String(std::string_view text);
  JsonWriter& Int(std::int64_t number);
  JsonWriter& Uint(std::uint64_t number);
  // The shortest text that reads back as the same double; null if it is not finite.
  JsonWriter& Double(double number);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  // `json` as it is.
  JsonWriter& Raw(std::string_view json);

  JsonWriter& Field(std::string_view name, std::string_view text) { return Key(name).String(text); }
  JsonWriter& Field(std::string_view name, const char* text) { return Key(name).String(text); }
  // A number or a bool.
  template <class T>
    requires std::integral<T> || std::floating_point<T>
  JsonWriter& Field(std::string_view name, T value) {
    Key(name);
    if constexpr (std::same_as<T, bool>) {
      return Bool(value);
    } else if constexpr (std::floating_point<T>) {
      return Double(value);
    } else if constexpr (std::signed_integral<T>) {
      return Int(value);
    } else {
      return Uint(value);
    }
  }

 private:
  void Separate();
  void Begin(char open);
  void End(char close);

  static constexpr std::uint32_t kWordDepth = 64;

  std::string* out_;
  // Whether what is open has an item yet: bit 0 for the innermost. Further out than a word has
  // bits, whole words.
  std::uint64_t has_items_ = 0;
  std::vector<std::uint64_t> outer_;
  std::uint32_t depth_ = 0;
  bool after_key_ = false;
};

}  // namespace tidemark
