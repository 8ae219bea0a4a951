// A JSON Schema (draft 7 or 2020-12), compiled once, that judges events and documents.
//
// - All that the two drafts require, references and dynamic references included; `format` and the
//   `content...` words are annotations, as the drafts' default is.
// - References lead to the schema itself, to what `find` gives, or to the drafts' own metaschemas.
//   Nothing is ever fetched.
// - `"required": true` inside a property is read as draft 3 meant it, and noted.
// - It always ends: patterns are matched in linear time, the schema's size and nesting are bounded,
//   and one judgement takes at most kStepsMax steps, and those of a request together what a
//   StepBudget has; what needs more is undecided, which says so.
//
// Format: https://json-schema.org/draft-07/json-schema-validation and
// https://json-schema.org/draft/2020-12/json-schema-core. Immutable; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"
#include "schema/instance.h"
#include "schema/step_budget.h"

namespace tidemark::schema {

inline constexpr std::size_t kSchemaBytesMax = 256U << 10;  // Of one schema's text.
inline constexpr std::size_t kSchemaNodesMax = 10'000;  // Subschemas, with all that is referred to.
inline constexpr std::size_t kSchemaPatternsMax = 200;
inline constexpr std::size_t kSchemaDocumentsMax = 64;  // That one schema may refer to.
inline constexpr std::uint32_t kNestingMax = 600;       // Subschemas inside one another.

enum class Draft : std::uint8_t { k7, k202012 };

struct Finding {
  std::string instance_path;  // A JSON pointer: "/items/0/price"; empty: the whole.
  std::string_view keyword;   // "minimum"; "false" for a schema that allows nothing.
  std::string schema_path;    // "#/properties/items/items/properties/price/minimum".
  std::string message;        // For people.
};

enum class Judgement : std::uint8_t {
  kValid,
  kInvalid,
  kUndecided,  // It would have taken more than kStepsMax steps, or kNestingMax levels.
};

// The first rule that a value breaks, as numbers: for counting, where telling would cost too much.
struct BrokenRule {
  std::uint32_t subschema = 0;
  std::uint8_t keyword = 0;  // In an order of this class; 0: none.
  std::uint16_t detail = 0;  // Of `required`: which name.
  friend bool operator==(const BrokenRule&, const BrokenRule&) = default;
};

struct Program;
class KnownShapes;

// The schema document of an absolute URI without a fragment; nothing if there is none.
using FindDocument = std::function<std::optional<JsonValue>(std::string_view uri)>;

struct CompileOptions {
  std::string uri;               // Of the schema, for references that are relative; may be empty.
  Draft draft = Draft::k202012;  // Of a schema without `$schema`.
  FindDocument find;             // May be empty.
  bool check_metaschema = true;  // First whether the schema is one by its own draft.
  // Names of the whole are columns under any name that the doors take: `userId` is user_id.
  bool of_events = false;
};

class Validator {
 public:
  // kInvalidArgument: no schema, or one that this class refuses; the message says where and why.
  static Result<std::shared_ptr<const Validator>> Compile(const JsonValue& schema,
                                                          const CompileOptions& options);
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;
  ~Validator();

  // `findings` gets the first `findings_max` of what is wrong. It takes at most `steps->max` steps,
  // and adds those that it took to `steps->taken`; nullptr: kStepsMax.
  struct Steps {
    std::uint64_t max = kStepsMax;
    std::uint64_t taken = 0;
  };
  Judgement Judge(const Instance& instance, std::vector<Finding>* findings,
                  std::size_t findings_max = 1, Steps* steps = nullptr) const;

  // The same, in less time. `broken` is set if the value is invalid.
  Judgement Judge(const Instance& instance, BrokenRule* broken, Steps* steps = nullptr) const;
  // The same of an event that is not laid out, if its columns and the names of its properties tell;
  // nothing: lay it out and ask Judge. `event.properties` as for Instance::Read. `known`, which may
  // be null, remembers from call to call, for any number of schemas.
  std::optional<Judgement> JudgeColumns(const event::EventView& event, BrokenRule* broken,
                                        KnownShapes* known = nullptr) const;
  // "#/properties/amount/minimum", "#/required/amount".
  std::string RuleName(const BrokenRule& broken) const;

  // What an event is to be laid out as: by the word `x-tidemark-shape` ("flat", "nested",
  // "columns"), else nested if the schema itself speaks of a member `properties`, else flat.
  Shape shape() const;
  // What was read otherwise than the draft says, for the person who registers it.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  Validator(std::unique_ptr<const Program> program, std::vector<std::string> notes);

  std::unique_ptr<const Program> program_;
  std::vector<std::string> notes_;
};

}  // namespace tidemark::schema
