// The one binary: parses the command line and runs a command. Exit codes: 0 ok, 1 failed, 2 usage,
// 3 not found, 4 refused, 5 server or network, 6 conflict, 8 check failed.

#include <CLI/CLI.hpp>

#include "app/commands.h"

namespace tidemark::app {
namespace {

constexpr int kUsage = 2;

// A size with a unit: 1048576, 64MiB, 2GB.
CLI::AsSizeValue Size() { return CLI::AsSizeValue(false); }

void AddServe(CLI::App* app, ServeOptions* options, double* flush_seconds) {
  app->add_option("--data-dir", options->data_dir, "Folder of log, lake and catalog")
      ->capture_default_str();
  app->add_option("--http-listen", options->http_listen, "host:port; port 0 takes a free one")
      ->capture_default_str();
  app->add_flag("--dev", options->dev, "Accept this machine without a key, for any project");
  app->add_option("--memory", options->memory_bytes, "Memory of the whole process")
      ->transform(Size())
      ->capture_default_str();
  app->add_option("--flush-size", options->flush_bytes, "Settle when data files get this large")
      ->transform(Size())
      ->capture_default_str();
  app->add_option("--flush-seconds", *flush_seconds, "Settle an event after at most so long")
      ->check(CLI::Range(0.01, 86'400.0))
      ->capture_default_str();
  app->add_option("--query-threads", options->query_threads, "Statements that run at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app->add_option("--store-rate", options->store_bytes_per_second, "")
      ->transform(Size())
      ->group("");
  app->add_option("--crash-at", options->crash_at, "")->group("");
}

void AddRemote(CLI::App* app, Remote* remote) {
  app->add_option("--url", remote->url, "Of the server; default: the one of --data-dir");
  app->add_option("--data-dir", remote->data_dir, "Whose server is asked")->capture_default_str();
  app->add_option("--key", remote->key, "API key")->envname("TIDEMARK_KEY");
  app->add_option("--project", remote->project, "Project to ask for");
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Tidemark: event analytics in one binary", "tidemark");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");

  ServeOptions serve;
  double flush_seconds = 60;
  Remote remote;
  SqlOptions sql;
  SendOptions send;
  DemoOptions demo;

  CLI::App* serve_command = app.add_subcommand("serve", "Run the server");
  AddServe(serve_command, &serve, &flush_seconds);
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
  DoctorOptions doctor;
  CLI::App* doctor_command =
      app.add_subcommand("doctor", "Examine a data directory that no server uses");
  AddDoctorOptions(doctor_command, &doctor);
  CLI::App* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (*serve_command) {
    serve.flush_age =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(flush_seconds));
    return RunServe(serve);
  }
  if (*sql_command) return RunSql(remote, sql);
  if (*send_command) return RunSend(remote, send);
  if (*demo_command) return RunDemo(remote, demo);
  if (*settle_command) return RunPost(remote, "/v1/settle");
  if (*verify_command) return RunVerify(remote);
  if (*doctor_command) return RunDoctor(doctor);
  if (*version_command) return RunVersion();
  return kUsage;
}

}  // namespace tidemark::app

int main(int argc, char** argv) { return tidemark::app::Main(argc, argv); }
