#include <cstdio>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/commands.h"
#include "app/remote.h"
#include "app/text_table.h"
#include "base/json_reader.h"
#include "base/json_writer.h"

namespace tidemark::app {
namespace {

constexpr std::size_t kTableRowsMax = 10'000;  // More belong into csv or ndjson.
constexpr std::size_t kCellWidthMax = 60;

std::string Cell(const JsonValue& value) {
  std::string text = value.is_string() ? value.text() : value.is_null() ? "" : value.ToJson();
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  if (TextWidth(text) > kCellWidthMax && TextWidth(text) == text.size()) {
    text.resize(kCellWidthMax - 3);
    text += "...";
  }
  return text;
}

bool IsNumeric(std::string_view type) {
  return type.find("INT") != std::string_view::npos || type == "DOUBLE" || type == "FLOAT" ||
         type.starts_with("DECIMAL");
}

void PrintFooter(const JsonValue& answer, std::size_t shown) {
  const std::int64_t count = answer.IntAt("rows").value_or(0);
  std::printf("%lld %s", static_cast<long long>(count), count == 1 ? "row" : "rows");
  if (static_cast<std::size_t>(count) > shown) {
    std::printf(" (the first %zu are shown; use -o csv for all)", shown);
  }
  const JsonValue* receipt = answer.Find("receipt");
  std::printf(", route %s", answer.StringAt("route").value_or("").c_str());
  if (receipt != nullptr) {
    const JsonValue* snapshot = receipt->Find("snapshot_id");
    const JsonValue* ends = receipt->Find("offsets");
    const JsonValue* settled = receipt->Find("settled");
    std::printf(", cut: snapshot %s, settled to %lld, end %lld",
                snapshot != nullptr && snapshot->is_number() ? snapshot->text().c_str() : "none",
                static_cast<long long>(settled ? settled->IntAt("0").value_or(0) : 0),
                static_cast<long long>(ends ? ends->IntAt("0").value_or(0) : 0));
  }
  if (const JsonValue* elapsed = answer.Find("elapsed_ms")) {
    std::printf(", %.1f ms", elapsed->Double().value_or(0));
  }
  std::printf("\n");
}

void PrintTable(const JsonValue& answer, bool footer) {
  std::vector<std::string> names;
  std::vector<bool> right;
  for (const JsonValue& column : answer.Find("columns")->items()) {
    names.push_back(column.StringAt("name").value_or(""));
    right.push_back(IsNumeric(column.StringAt("type").value_or("")));
  }
  std::vector<std::vector<std::string>> rows;
  for (const JsonValue& row : answer.Find("data")->items()) {
    auto& cells = rows.emplace_back(names.size());
    for (std::size_t i = 0; i < std::min(names.size(), row.members().size()); ++i) {
      cells[i] = Cell(row.members()[i].second);
    }
    if (rows.size() == kTableRowsMax) break;
  }
  PrintTextTable(names, right, rows);
  // What is left out is told in any case.
  const auto count = static_cast<std::size_t>(answer.IntAt("rows").value_or(0));
  if (footer || count > rows.size()) PrintFooter(answer, rows.size());
}

void PrintRows(const JsonValue& answer) {
  TextPrinter out;
  out.Print("[");
  bool first = true;
  for (const JsonValue& row : answer.Find("data")->items()) {
    out.Print((first ? "" : ",\n") + row.ToJson());
    first = false;
  }
  out.Print("]\n");
}

Result<std::string> StatementOf(const SqlOptions& options) {
  if (!options.statement.empty() && options.statement != "-") return options.statement;
  const bool piped = options.file.empty() || options.file == "-";
  if (piped && ::isatty(STDIN_FILENO) != 0) {
    std::fputs("tidemark sql: reading the statement from the terminal; Ctrl-D ends it\n", stderr);
  }
  return ReadAll(piped ? "-" : options.file);
}

std::string BodyOf(const SqlOptions& options, std::string_view statement) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("query", statement);
  if (!options.min_offset.empty()) json.Field("min_offset", options.min_offset);
  if (!options.as_of.empty()) {
    const auto cut = JsonValue::Parse(options.as_of);
    json.Key("as_of");
    cut && cut->is_object() ? json.Raw(cut->ToJson()) : json.String(options.as_of);
  }
  if (!options.parameters.empty()) {
    json.Key("params").BeginObject();
    for (const std::string& parameter : options.parameters) {
      const std::size_t equals = parameter.find('=');
      json.Key(parameter.substr(0, equals));
      const std::string value =
          equals == std::string::npos ? std::string() : parameter.substr(equals + 1);
      const auto parsed = JsonValue::Parse(value);
      const bool plain = parsed && !parsed->is_object() && !parsed->is_array();
      plain ? json.Raw(parsed->ToJson()) : json.String(value);
    }
    json.EndObject();
  }
  json.EndObject();
  return body;
}

}  // namespace

void AddSqlOptions(CLI::App* app, SqlOptions* options) {
  auto* const statement = app->add_option("statement", options->statement,
                                          "The statement; none or - is that of the file");
  app->add_option("--file,-f", options->file, "Where it stands; none or - is stdin")
      ->excludes(statement);
  app->add_option("--output,-o", options->output, "Shape of the answer")
      ->check(CLI::IsMember({"table", "json", "ndjson", "csv", "arrow"}));
  app->add_option("--param", options->parameters, "name=value, for $name in the statement")
      ->check([](const std::string& text) {
        const std::size_t equals = text.find('=');
        const bool named = equals != std::string::npos && equals > 0;
        return named ? std::string() : "must be name=value, not `" + text + "`";
      });
  app->add_option("--min-offset", options->min_offset, "A receipt that the answer must hold");
  app->add_option(
      "--as-of", options->as_of,
      "Events as they were: a snapshot's id, a branch or tag, a time, a receipt, or the "
      "receipt object of an answer");
}

int RunSql(const Remote& remote, const SqlOptions& options) {
  if (options.output == "arrow" && ::isatty(STDOUT_FILENO) != 0) {
    std::fputs(
        "tidemark sql: an Arrow stream is not for a terminal\nhint: send it to a file, "
        "`-o arrow > answer.arrows`\n",
        stderr);
    return kUsage;
  }
  const auto statement = StatementOf(options);
  if (!statement) return PrintError("sql", statement.error());
  if (statement->find_first_not_of(" \t\r\n") == std::string::npos) {
    std::fputs(
        "tidemark sql: there is no statement; give one as an argument, with --file, or on "
        "standard input\nhint: `tidemark sql --help`\n",
        stderr);
    return kUsage;
  }
  auto client = Connect(remote);
  if (!client) return PrintError("sql", client.error());
  const std::string output = !options.output.empty()        ? options.output
                             : ::isatty(STDOUT_FILENO) != 0 ? "table"
                                                            : "csv";
  const bool table = output == "table";
  auto headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/json");
  const bool whole = table || (options.rows_only && output == "json");
  TextPrinter out;
  net::HttpClient::OnBody print = [&out](std::string_view part) { out.Print(part); };
  if (whole) print = nullptr;
  const auto response = client->Send("POST", "/v1/sql?format=" + (table ? "json" : output), headers,
                                     BodyOf(options, *statement), print);
  if (!response) return PrintError("sql", response.error());
  if (response->status != 200) return PrintRefusal("sql", *response);
  if (!whole) return kOk;
  const auto answer = JsonValue::Parse(response->body);
  if (!answer || answer->Find("columns") == nullptr || answer->Find("data") == nullptr) {
    std::fputs("tidemark sql: the answer is not what a server sends\n", stderr);
    return kServer;
  }
  table ? PrintTable(*answer, !options.rows_only) : PrintRows(*answer);
  return kOk;
}

}  // namespace tidemark::app
