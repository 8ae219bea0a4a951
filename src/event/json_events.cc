#include "event/json_events.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/units.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "event/json_event.h"
#include "event/json_names.h"
#include "event/json_tokens.h"

namespace tidemark::event {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view TrimFront(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  return text;
}

// More than one value, one a line: the second line begins as no JSON text could go on after the
// first one.
bool IsLines(std::string_view text) {
  const std::size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return false;
  std::string_view first = text.substr(0, newline);
  while (!first.empty() && IsBlank(first.back())) first.remove_suffix(1);
  const std::string_view second = TrimFront(text.substr(newline));
  if (first.empty() || second.empty()) return false;
  const char end = first.back();
  const char begin = second.front();
  if (begin == '{') return end != '[' && end != ',' && end != ':';
  return end == '}' && begin != ',' && begin != ']' && begin != '}';
}

Error SyntaxError(const JsonCursor& cursor, std::string_view text) {
  std::string message = "the body is not valid JSON: unexpected ";
  const std::size_t at = cursor.failed_at();
  message += at >= text.size() ? "end" : "text at byte " + std::to_string(at);
  return Error(Code::kInvalidArgument, std::move(message));
}

// Codes of faults that leave nothing worth keeping.
constexpr std::array<std::string_view, 3> kNeverKept = {"not_an_object", "event_too_large",
                                                        "wrong_project"};

// Whether `project` stands anywhere in it. Looks for its rarest letter.
bool MayNameProject(std::string_view body) {
  constexpr std::string_view kWord = "project";
  constexpr std::size_t kRare = 3;  // The j.
  for (std::size_t at = kRare; (at = body.find(kWord[kRare], at)) != std::string_view::npos; ++at) {
    if (body.substr(at - kRare).starts_with(kWord)) return true;
  }
  return false;
}

// Whether the object at the cursor is no event but holds a list of them: `events` comes before any
// name of the event's type. Looks at tokens only: the text may turn out to be no JSON later.
bool IsWrapper(JsonCursor cursor) {
  std::uint32_t depth = 0;
  while (!cursor.AtEnd()) {
    const char c = cursor.Peek();
    if (depth == 1 && c == '"') {
      JsonSpan key;
      if (!cursor.CheckString(&key)) return false;
      if (cursor.Peek() != ':') continue;  // It was a value.
      cursor.Advance();
      const FieldName& field = FindField(cursor.Inside(key));
      if (field.role == FieldRole::kCloudVersion ||
          (field.role == FieldRole::kColumn && field.column == Column::kEventType)) {
        return false;
      }
      if (cursor.Inside(key) == "events" && cursor.Peek() == '[') return true;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return false;
    cursor.Advance();
  }
  return false;
}

}  // namespace

class JsonEventParser::Impl {
 public:
  Impl(JsonLimits limits, std::function<std::uint64_t()> dice)
      : limits_(limits), reader_(limits, std::move(dice)) {}

  Result<ParsedEvents> Parse(const std::string& body, const Context& context, BatchBuilder* batch) {
    std::string_view text = body;
    if (body.capacity() - body.size() < kJsonPadding) {
      copy_.reserve(body.size() + kJsonPadding);
      copy_ = body;
      text = copy_;
    }
    text = TrimFront(WithoutByteOrderMark(text));
    result_ = {};
    context_ = &context;
    batch_ = batch;
    reader_.Begin(context);
    auto status = ParseText(text);
    indexer_.Trim();
    reader_.Trim();
    if (copy_.capacity() > 4_MiB) copy_ = {};
    if (!status) return Fail(std::move(status).error());
    return std::move(result_);
  }

 private:
  Status ParseText(std::string_view text) {
    if (text.empty()) return Fail(Code::kInvalidArgument, "the body is empty");
    if (text.front() != '{' && text.front() != '[') {
      return Fail(Code::kInvalidArgument, "the body is neither a JSON object nor an array");
    }
    if (text.front() == '{' && IsLines(text)) return ParseLines(text);
    if (auto indexed = indexer_.Index(text); !indexed) {
      return Fail(std::move(indexed).error().With("the body is not valid JSON"));
    }
    JsonCursor cursor(text, indexer_.starts(), indexer_.count());
    if (text.front() == '[') {
      TM_TRY(ParseArray(&cursor));
    } else if (IsWrapper(cursor)) {
      TM_TRY(ParseWrapper(&cursor));
    } else {
      result_.single = true;
      TM_TRY(ParseElement(&cursor));
    }
    if (!cursor.AtEnd()) {
      return Fail(Code::kInvalidArgument, "the body is not valid JSON: more text at byte " +
                                              std::to_string(cursor.position()));
    }
    return {};
  }

  Status ParseArray(JsonCursor* cursor) {
    cursor->Advance();
    for (bool first = true; cursor->Peek() != ']'; first = false) {
      if (!first) {
        if (cursor->Peek() != ',') {
          return Fail(Code::kInvalidArgument,
                      "the body is not valid JSON: expected ',' or ']' at byte " +
                          std::to_string(cursor->position()));
        }
        cursor->Advance();
      }
      TM_TRY(ParseElement(cursor));
    }
    cursor->Advance();
    return {};
  }

  // {"events":[...], ...}: of the other members only the project has a meaning.
  Status ParseWrapper(JsonCursor* cursor) {
    bool parsed = false;
    cursor->Advance();
    for (bool first = true; cursor->Peek() != '}'; first = false) {
      if (!first) {
        if (cursor->Peek() != ',') return Fail(NotJson(*cursor));
        cursor->Advance();
      }
      JsonSpan key;
      if (!cursor->CheckString(&key)) return Fail(SyntaxError(*cursor, cursor->text()));
      if (cursor->Peek() != ':') return Fail(NotJson(*cursor));
      cursor->Advance();
      if (cursor->Inside(key) == "events" && cursor->Peek() == '[') {
        if (parsed) return Fail(Code::kInvalidArgument, "`events` is there twice");
        parsed = true;
        TM_TRY(ParseArray(cursor));
        continue;
      }
      JsonSpan value;
      if (!cursor->Check(limits_.depth_max, &value)) {
        return Fail(SyntaxError(*cursor, cursor->text()));
      }
      const FieldName& field = FindField(cursor->Inside(key));
      if (field.role == FieldRole::kColumn && field.column == Column::kProjectId &&
          (value.kind != '"' || cursor->Inside(value) != context_->project)) {
        return Fail(Code::kPermissionDenied, "the body names another project than the key's");
      }
    }
    cursor->Advance();
    return {};
  }

  static Error NotJson(const JsonCursor& cursor) {
    return Error(Code::kInvalidArgument, "the body is not valid JSON: unexpected text at byte " +
                                             std::to_string(cursor.position()));
  }

  // One value of a list, or the only one.
  Status ParseElement(JsonCursor* cursor) {
    EventFault fault;
    if (!reader_.Read(cursor, &fault)) return Fail(SyntaxError(*cursor, cursor->text()));
    if (!fault.code.empty()) reader_.ReadNames(*cursor);
    return Count(std::move(fault), cursor->Raw(reader_.span()));
  }

  Status Count(EventFault fault, std::string_view raw) {
    if (++result_.received > limits_.events_max) {
      return Fail(Code::kInvalidArgument, "more than " + std::to_string(limits_.events_max) +
                                              " events in one body; send several");
    }
    std::string rule;
    if (fault.code.empty() && context_->check != nullptr) Look(&fault, &rule);
    if (fault.code.empty()) {
      if (context_->enricher != nullptr) context_->enricher->Enrich(reader_.mutable_view());
      if (result_.accepted++ == 0) {
        result_.first_event_id = reader_.view().Text(Column::kEventId);
      }
      batch_->Add(reader_.view());
      return {};
    }
    Put(std::move(fault), std::move(rule), raw);
    return {};
  }

  // Keeps or refuses it.
  void Put(EventFault fault, std::string rule, std::string_view raw) {
    const std::uint32_t index = result_.received - 1;
    const bool keep = context_->invalid != nullptr && CanBeKept(fault.code);
    ++(keep ? result_.quarantined : result_.refused);
    std::string id;
    if (keep) {
      id = context_->invalid->Keep({index, fault.code, fault.message, rule, raw, reader_.view()});
    }
    std::vector<RefusedEvent>& list = keep ? result_.kept : result_.listed;
    if (list.size() == limits_.refused_listed_max) return;
    list.push_back({index, fault.code, std::move(fault.message), std::move(rule), std::move(id)});
  }

  // Asks the check about the event that was read: a refusal becomes its fault.
  void Look(EventFault* fault, std::string* rule) {
    CheckFinding finding = context_->check->Check(reader_.view());
    if (finding.code.empty()) return;
    if (finding.refuse) {
      *fault = {finding.code, std::move(finding.message)};
      *rule = std::move(finding.rule);
      return;
    }
    ++result_.warned;
    if (result_.warnings.size() < limits_.warnings_listed_max) {
      result_.warnings.push_back({result_.received - 1, finding.code, std::move(finding.message),
                                  std::move(finding.rule)});
    }
  }

  Status ParseLines(std::string_view text) {
    // Where the first stage is content with the whole text, no string goes beyond its line.
    if (indexer_.Index(text).has_value()) {
      JsonCursor cursor(text, indexer_.starts(), indexer_.count());
      while (cursor.LimitTo(static_cast<std::uint32_t>(text.size()), indexer_.count()),
             !cursor.AtEnd()) {
        const std::size_t newline = text.find('\n', cursor.position());
        const std::size_t end = newline == std::string_view::npos ? text.size() : newline;
        cursor.LimitTo(static_cast<std::uint32_t>(end), indexer_.count());
        TM_TRY(ParseLine(&cursor));
        cursor.MoveTo(cursor.count());
      }
      return {};
    }
    while (!(text = TrimFront(text)).empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      TM_TRY(ParseLoneLine(line));
      text.remove_prefix(line.size());
    }
    return {};
  }

  Status ParseLoneLine(std::string_view line) {
    if (auto indexed = indexer_.Index(line); !indexed) {
      reader_.ForgetNames();
      return Count({"invalid_json", "not valid JSON: " + indexed.error().message()}, line);
    }
    JsonCursor cursor(line, indexer_.starts(), indexer_.count());
    return ParseLine(&cursor);
  }

  // The tokens of one line.
  Status ParseLine(JsonCursor* cursor) {
    EventFault fault;
    const std::uint32_t begin = cursor->position();
    if (!reader_.Read(cursor, &fault) || !cursor->AtEnd()) {
      reader_.ForgetNames();
      const std::string_view line = cursor->text().substr(begin);
      return Count({"invalid_json", "the line is not one valid JSON object"},
                   line.substr(0, line.find('\n')));
    }
    if (!fault.code.empty()) reader_.ReadNames(*cursor);
    return Count(std::move(fault), cursor->Raw(reader_.span()));
  }

  const JsonLimits limits_;
  JsonIndexer indexer_;
  EventReader reader_;
  std::string copy_;
  ParsedEvents result_;
  const Context* context_ = nullptr;
  BatchBuilder* batch_ = nullptr;
};

bool CanBeKept(std::string_view code) {
  return std::find(kNeverKept.begin(), kNeverKept.end(), code) == kNeverKept.end();
}

JsonEventParser::JsonEventParser(JsonLimits limits, std::function<std::uint64_t()> dice)
    : impl_(std::make_unique<Impl>(limits, std::move(dice))) {}

JsonEventParser::~JsonEventParser() = default;

Result<ParsedEvents> JsonEventParser::Parse(const std::string& body, const Context& context,
                                            BatchBuilder* batch) {
  return impl_->Parse(body, context, batch);
}

std::string FindProject(const std::string& body) {
  // Most bodies do not name one, and then need not be read twice.
  if (!MayNameProject(body)) return {};
  std::string text = body;
  text.reserve(text.size() + kJsonPadding);
  JsonIndexer indexer;
  if (!indexer.Index(text)) return {};
  JsonCursor cursor(text, indexer.starts(), indexer.count());
  // The first name of a project outside `properties` and other nested objects, but for the lists
  // that bodies may have around their events.
  while (!cursor.AtEnd()) {
    JsonSpan key;
    if (cursor.Peek() != '"') {
      cursor.Advance();
      continue;
    }
    if (!cursor.CheckString(&key)) return {};
    if (cursor.Peek() != ':') continue;
    cursor.Advance();
    const std::string_view name = cursor.Inside(key);
    JsonSpan value;
    if ((name == "project_id" || name == "projectId") && cursor.CheckString(&value)) {
      return value.escaped ? std::string() : std::string(cursor.Inside(value));
    }
    const bool list = name == "events" || name == "data";
    if (!list && (cursor.Peek() == '{' || cursor.Peek() == '[') && !cursor.Check(64, &value)) {
      return {};
    }
  }
  return {};
}

}  // namespace tidemark::event
