// The one binary: parses the command line and runs a command. Exit codes: 0 ok, 1 failed, 2 usage,
// 3 not found, 4 refused, 5 server or network, 6 conflict, 8 check failed.

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/remote.h"

namespace tidemark::app {
namespace {

void AddRemote(CLI::App* app, Remote* remote) {
  app->add_option("--url", remote->url, "Of the server; default: the one of --data-dir");
  app->add_option("--data-dir", remote->data_dir, "Whose server is asked")->capture_default_str();
  app->add_option("--key", remote->key, "API key")->envname("TIDEMARK_KEY");
  app->add_option("--project", remote->project, "Project to ask for");
}

// Whether the first word is meant as a command and is none.
bool IsUnknownCommand(const CLI::App& app, int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word.empty() || word.front() == '-') return false;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  return std::none_of(commands.begin(), commands.end(),
                      [word](const CLI::App* one) { return one->get_name() == word; });
}

int Serve(const ConfigSources& sources, const std::string& crash_at, std::uint64_t store_rate) {
  const auto settings = ReadSettings(sources);
  if (!settings) {
    std::fprintf(stderr, "tidemark serve: %s\n", settings.error().message().c_str());
    return kUsage;
  }
  ServeOptions options = ToServeOptions(*settings);
  options.crash_at = crash_at;
  options.store_bytes_per_second = store_rate;
  return RunServe(options);
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Tidemark: event analytics in one binary", "tidemark");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");

  ConfigSources sources;
  std::string crash_at;
  std::uint64_t store_rate = 0;
  Remote remote;
  SqlOptions sql;
  SendOptions send;
  DemoOptions demo;

  CLI::App* serve_command = app.add_subcommand("serve", "Run the server");
  AddConfigOptions(serve_command, &sources);
  AddServeFlags(serve_command, &sources);
  serve_command->add_option("--crash-at", crash_at, "")->group("");
  serve_command->add_option("--store-rate", store_rate, "")->group("");
  CLI::App* sql_command = app.add_subcommand("sql", "Ask the server a question in SQL");
  AddRemote(sql_command, &remote);
  AddSqlOptions(sql_command, &sql);
  CLI::App* send_command = app.add_subcommand("send", "Send events from arguments, file or stdin");
  AddRemote(send_command, &remote);
  AddSendOptions(send_command, &send);
  CLI::App* demo_command =
      app.add_subcommand("demo", "Send generated shop, site and video traffic");
  AddRemote(demo_command, &remote);
  AddDemoOptions(demo_command, &demo);
  CLI::App* settle_command = app.add_subcommand("settle", "Move everything durable into the lake");
  AddRemote(settle_command, &remote);
  CLI::App* verify_command =
      app.add_subcommand("verify", "Recount and rehash log, hot and lake against the ledger");
  AddRemote(verify_command, &remote);
  KeyOptions key;
  CLI::App* key_command = app.add_subcommand("key", "Make, list, end and renew API keys");
  AddKeyOptions(key_command, &key, [&remote](CLI::App* one) { AddRemote(one, &remote); });
  TableOptions table;
  CLI::App* table_command = app.add_subcommand("table", "Look at Iceberg tables and change them");
  AddTableOptions(table_command, &table, [&remote](CLI::App* one) { AddRemote(one, &remote); });
  IcebergOptions iceberg;
  CLI::App* iceberg_command = app.add_subcommand(
      "iceberg", "Examine Iceberg tables and their files, with or without a server");
  AddIcebergOptions(iceberg_command, &iceberg,
                    [&remote](CLI::App* one) { AddRemote(one, &remote); });
  SchemaOptions schema;
  CLI::App* schema_command =
      app.add_subcommand("schema", "Register, show, check and propose schemas of events");
  AddSchemaOptions(schema_command, &schema, [&remote](CLI::App* one) { AddRemote(one, &remote); });
  QuarantineOptions quarantine;
  CLI::App* event_command = app.add_subcommand("event", "Events that could not be taken");
  event_command->require_subcommand(1);
  AddQuarantineOptions(
      event_command->add_subcommand("quarantine", "List, show, replay and drop invalid events"),
      &quarantine, [&remote](CLI::App* one) { AddRemote(one, &remote); });
  DoctorOptions doctor;
  CLI::App* doctor_command =
      app.add_subcommand("doctor", "Examine a data directory that no server uses");
  AddDoctorOptions(doctor_command, &doctor);
  CLI::App* config_command = app.add_subcommand("config", "Show, check or describe the settings");
  config_command->require_subcommand(1);
  for (const auto& [name, what] : {std::pair{"print", "Every setting and who said it, as TOML"},
                                   std::pair{"check", "Only say whether all is right"},
                                   std::pair{"docs", "The reference page, as Markdown"}}) {
    AddConfigOptions(config_command->add_subcommand(name, what), &sources);
  }
  CLI::App* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (IsUnknownCommand(app, argc, argv)) {
      std::fprintf(stderr, "tidemark: there is no command `%s`; `tidemark --help` lists them\n",
                   argv[1]);
      return kUsage;
    }
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (*serve_command) return Serve(sources, crash_at, store_rate);
  if (*sql_command) return RunSql(remote, sql);
  if (*send_command) return RunSend(remote, send);
  if (*demo_command) return RunDemo(remote, demo);
  if (*key_command) return RunKey(remote, key);
  if (*settle_command) return RunPost(remote, "/v1/settle");
  if (*verify_command) return RunVerify(remote);
  if (*table_command) return RunTable(remote, table);
  if (*iceberg_command) return RunIceberg(remote, iceberg);
  if (*schema_command) return RunSchema(remote, schema);
  if (*event_command) return RunQuarantine(remote, quarantine);
  if (*doctor_command) return RunDoctor(doctor);
  if (*config_command) return RunConfig(config_command->get_subcommands()[0]->get_name(), sources);
  if (*version_command) return RunVersion();
  return kUsage;
}

}  // namespace tidemark::app

int main(int argc, char** argv) { return tidemark::app::Main(argc, argv); }
