#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/auth.h"
#include "app/commands.h"
#include "app/remote.h"
#include "config/settings.h"
#include "net/socket_address.h"

namespace tidemark::app {
namespace {

constexpr const char* kUsualFile = "tidemark.toml";

// "" if nobody named a file and there is none at the usual place.
Result<std::string> ReadConfigFile(const std::string& path) {
  std::error_code error;
  if (path.empty() && !std::filesystem::exists(kUsualFile, error)) return std::string();
  auto text = ReadAll(path.empty() ? kUsualFile : path);
  if (!text) return Fail(std::move(text).error().With("the configuration file"));
  return text;
}

Status ReadEnvironment(config::Settings* settings) {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    TM_TRY(settings->ReadVariable(text.substr(0, equals), text.substr(equals + 1)));
  }
  return {};
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (!part.empty() && part != "none") parts.emplace_back(part);
  }
  return parts;
}

// What a start refuses of values that have the right form, but for what else is on the machine.
Status CheckValues(const config::Settings& settings) {
  const ServeOptions options = ToServeOptions(settings);
  if (const auto address = net::ResolveAddress(options.http_listen); !address) {
    return Fail(address.error().With("http.listen"));
  }
  const std::array<std::string_view, 3> rules = {"truncate", "keep", "drop"};
  if (std::ranges::find(rules, options.address_rule) == rules.end()) {
    return Fail(Code::kInvalidArgument, "enrich.ip must be truncate, keep or drop");
  }
  TM_TRY(ReadKeyringOptions(options.auth, options.dev));
  TM_TRY(ReadTokenFiles(options.auth));
  return {};
}

}  // namespace

void AddConfigOptions(CLI::App* app, ConfigSources* sources) {
  app->add_option("--config", sources->file, "TOML file; default: ./tidemark.toml if it is there");
  app->add_option("-X", sources->assignments, "section.key=value; may be repeated");
}

void AddServeFlags(CLI::App* app, ConfigSources* sources) {
  for (const config::Option& option : config::Options()) {
    if (option.flag.empty()) continue;
    const std::string flag = "--" + std::string(option.flag);
    const std::string key(option.key);
    if (option.kind == config::Kind::kFlag) {
      app->add_flag_callback(
          flag, [sources, key] { sources->flags[key] = "true"; }, std::string(option.sentence));
      continue;
    }
    app->add_option_function<std::string>(
           flag, [sources, key](const std::string& text) { sources->flags[key] = text; },
           std::string(option.sentence))
        ->default_str(std::string(option.standard));
  }
}

Result<config::Settings> ReadSettings(const ConfigSources& sources) {
  config::Settings settings;
  TM_ASSIGN(const std::string file, ReadConfigFile(sources.file));
  TM_TRY(settings.ReadToml(file, sources.file.empty() ? kUsualFile : sources.file));
  TM_TRY(ReadEnvironment(&settings));
  for (const std::string& assignment : sources.assignments) {
    TM_TRY(settings.SetAssignment(assignment, "-X"));
  }
  for (const auto& [key, text] : sources.flags) {
    TM_TRY(settings.Set(key, text, "--" + std::string(config::FindOption(key)->flag)));
  }
  return settings;
}

ServeOptions ToServeOptions(const config::Settings& settings) {
  const auto small = [&settings](std::string_view key) {
    return static_cast<std::uint32_t>(settings.Number(key));
  };
  ServeOptions options;
  options.data_dir = settings.Text("server.data_dir");
  options.dev = settings.Flag("server.dev");
  options.memory_bytes = settings.Number("server.memory");
  options.drain = settings.Time("server.drain");
  options.http_listen = settings.Text("http.listen");
  options.catalog_locations = SplitList(settings.Text("catalog.locations"));
  options.tide.table_format_version = static_cast<int>(settings.Number("catalog.format_version"));
  options.http.reactors = small("http.reactors");
  options.http.connections_max = small("http.connections");
  options.http.head_bytes_max = settings.Number("http.head_bytes");
  options.http.body_bytes_max = settings.Number("http.body_bytes");
  options.http.idle = settings.Time("http.idle");
  options.http.head_deadline = settings.Time("http.head_deadline");
  options.http.body_deadline = settings.Time("http.body_deadline");
  options.auth.trusted_proxies = settings.Text("http.trusted_proxies");
  options.auth.secret_file = settings.Text("auth.secret_file");
  options.auth.jwks_file = settings.Text("auth.jwks_file");
  options.auth.tokens.issuer = settings.Text("auth.issuer");
  options.auth.tokens.audience = settings.Text("auth.audience");
  options.auth.tokens.project_claim = settings.Text("auth.project_claim");
  options.auth.tokens.scope_claim = settings.Text("auth.scope_claim");
  options.auth.tokens.leeway = settings.Time("auth.leeway");
  options.auth.requests = settings.Text("limits.requests");
  options.auth.events = settings.Text("limits.events");
  options.auth.bytes = settings.Text("limits.bytes");
  options.address_rule = settings.Text("enrich.ip");
  options.enrich.user_agent = settings.Flag("enrich.user_agent");
  options.enrich.agent_rules = settings.Text("enrich.agent_rules");
  options.enrich.page_url = settings.Flag("enrich.page_url");
  options.enrich.referrer = settings.Flag("enrich.referrer");
  options.enrich.clock_skew = settings.Flag("enrich.clock_skew");
  options.enrich.country_header = settings.Text("enrich.country_header");
  options.enrich.geoip_file = settings.Text("enrich.geoip_file");
  options.enrich.lookup_file = settings.Text("enrich.lookup_file");
  options.enrich.lookup_url = settings.Text("enrich.lookup_url");
  options.enrich.lookup_columns = settings.Text("enrich.lookup_columns");
  options.enrich.lookup_age = settings.Time("enrich.lookup_age");
  options.enrich.lookup_sql = settings.Text("enrich.lookup_sql");
  options.answer_delay_max = settings.Time("ingest.delay");
  options.doors.body.bytes_max = options.http.body_bytes_max;
  options.doors.body.compressed_bytes_max =
      std::min(options.doors.body.compressed_bytes_max, options.http.body_bytes_max);
  options.doors.json.event_bytes_max = small("ingest.event_bytes");
  options.doors.json.events_max = small("ingest.events");
  options.tide.queue_bytes_max = settings.Number("ingest.queue_bytes");
  options.tide.dedupe.window = settings.Time("dedupe.window");
  options.tide.dedupe.table_entries_max = settings.Number("dedupe.table_ids");
  options.tide.log.retention = settings.Time("log.retention");
  options.tide.log.retention_bytes = settings.Number("log.retention_bytes");
  options.flush_bytes = settings.Number("flush.size");
  options.flush_age = settings.Time("flush.age");
  options.kept_paths_max = static_cast<std::uint32_t>(settings.Number("flush.kept_paths"));
  options.kept_rows_min = settings.Number("flush.kept_rows");
  options.query_threads = small("query.threads");
  options.query.time_max = settings.Time("query.time");
  options.query.rows_max = settings.Number("query.rows");
  options.query.sql_bytes_max = settings.Number("query.sql_bytes");
  return options;
}

int RunConfig(const std::string& action, const ConfigSources& sources) {
  if (action == "docs") {
    std::fputs(config::ReferencePage().c_str(), stdout);
    return kOk;
  }
  const auto settings = ReadSettings(sources);
  if (!settings) {
    std::fprintf(stderr, "tidemark config: %s\n", settings.error().message().c_str());
    return kCheckFailed;
  }
  const Status right = action == "check" ? CheckValues(*settings) : Status();
  if (!right) {
    std::fprintf(stderr, "tidemark config: %s\n", right.error().message().c_str());
    return kCheckFailed;
  }
  std::fputs(action == "print" ? settings->Print().c_str() : "ok\n", stdout);
  return kOk;
}

}  // namespace tidemark::app
