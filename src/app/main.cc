// The one binary: parses the command line and runs a command. Exit codes: 0 ok, 1 failed, 2 usage,
// 3 not found, 4 refused, 5 server or network, 6 conflict, 8 check failed.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/remote.h"
#include "config/options.h"

namespace tidemark::app {
namespace {

void AddRemote(CLI::App* app, Remote* remote) {
  app->add_option("--url", remote->url, "Of the server; default: the one of --data-dir");
  app->add_option("--data-dir", remote->data_dir, "Whose server is asked")->capture_default_str();
  app->add_option("--key", remote->key, "API key")->envname("TIDEMARK_KEY");
  app->add_option("--project", remote->project, "Project to ask for");
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Whether the word is meant as a command of the app and is none.
bool IsUnknownCommand(const CLI::App& app, std::string_view word) {
  const auto commands = CommandsOf(app);
  return !commands.empty() && !word.empty() && word.front() != '-' &&
         std::ranges::none_of(commands,
                              [word](const CLI::App* one) { return one->get_name() == word; });
}

// "; did you mean `list`?" if up to two letters in five are wrong; else nothing.
std::string CommandHint(const CLI::App& app, std::string_view word) {
  constexpr std::size_t kLettersCompared = 32;
  word = word.substr(0, kLettersCompared);
  std::string hint;
  std::size_t nearest = word.size() * 2 / 5 + 1;
  for (const CLI::App* one : CommandsOf(app)) {
    const std::size_t distance = config::EditDistance(word, one->get_name());
    if (distance >= nearest) continue;
    nearest = distance;
    hint = "; did you mean `" + one->get_name() + "`?";
  }
  return hint;
}

// The help of a command and of all below it, each with the names of those above it.
void PrintAllHelp(const CLI::App& app, const std::string& above) {
  std::printf("%s\n", app.help(above).c_str());
  const std::string name = above + (above.empty() ? "" : " ") + app.get_name();
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    PrintAllHelp(*one, name);
  }
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

constexpr const char* kFooter =
    "Files:\n"
    "  ./tidemark.toml             Settings, if it is there; `tidemark config docs` describes "
    "them\n"
    "  tidemark-data               The data directory, unless --data-dir names another\n"
    "Environment:\n"
    "  TIDEMARK_KEY                API key of the commands that ask a server\n"
    "  TIDEMARK_SECTION__NAME      Any setting, as TIDEMARK_HTTP__LISTEN\n"
    "Exit codes:\n"
    "  0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 no server or network, 6 conflict,\n"
    "  7 done in part, 8 a check found something\n"
    "Examples:\n"
    "  tidemark serve --dev\n"
    "  tidemark send '{\"event_type\":\"signup\"}'\n"
    "  tidemark sql \"select event_type, count(*) from events group by 1\"\n"
    "`tidemark help COMMAND...` tells more of a command, `tidemark completion SHELL` completes "
    "them.";

// The commands, each with what runs it and the options that it reads.
class CommandLine {
 public:
  CommandLine() : app_("Tidemark: event analytics in one binary", "tidemark") {
    app_.require_subcommand(1);
    app_.set_help_all_flag("--help-all", "Help of every command");
    AddServer();
    AddClients();
    AddCatalog();
    AddRegistry();
    AddLocal();
    app_.footer(kFooter);  // Last: what is added has the footer of what it is added to.
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  int Run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return TellUsage(error, std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    }
    for (const auto& [command, run] : commands_) {
      if (*command) return run();
    }
    return kUsage;
  }

 private:
  // Help, or what is wrong with the line; the exit code.
  int TellUsage(const CLI::ParseError& error, std::span<char* const> words) {
    std::string name = "tidemark";
    std::string above;
    const CLI::App* meant = &app_;
    for (auto below = meant->get_subcommands(); !below.empty(); below = meant->get_subcommands()) {
      meant = below.back();
      above = std::exchange(name, name + " " + meant->get_name());
      words = words.subspan(words.empty() ? 0 : 1);
    }
    const std::string word = words.empty() ? "" : words.front();
    if (IsUnknownCommand(*meant, word)) {
      std::fprintf(stderr, "%s: there is no command `%s`%s\n`%s --help` lists them\n", name.c_str(),
                   word.c_str(), CommandHint(*meant, word).c_str(), name.c_str());
      return kUsage;
    }
    if (dynamic_cast<const CLI::CallForAllHelp*>(&error) != nullptr) {
      PrintAllHelp(*meant, above);
      return kOk;
    }
    if (error.get_exit_code() == 0) return app_.exit(error);
    std::fprintf(stderr, "%s: %s\n`%s --help` tells how it is written\n", name.c_str(),
                 error.what(), name.c_str());
    return kUsage;
  }

  // As `tidemark COMMAND... --help`.
  int Help() {
    const CLI::App* meant = &app_;
    std::string name = "tidemark";
    for (const std::string& word : help_words_) {
      if (CommandsOf(*meant).empty() || IsUnknownCommand(*meant, word)) {
        std::fprintf(stderr, "%s: there is no command `%s`%s\n`%s --help` lists them\n",
                     name.c_str(), word.c_str(), CommandHint(*meant, word).c_str(), name.c_str());
        return kUsage;
      }
      meant = meant->get_subcommand(word);
      name += " " + word;
    }
    // Not help(), which is that of the command that was parsed: this one.
    const auto formatter = meant->get_formatter();
    std::printf("%s", formatter->make_help(meant, name, CLI::AppFormatMode::Normal).c_str());
    return kOk;
  }

  CLI::App* Add(const char* name, const char* what, std::function<int()> run) {
    CLI::App* const command = app_.add_subcommand(name, what);
    commands_.emplace_back(command, std::move(run));
    return command;
  }
  // A command that asks a server.
  CLI::App* AddAsking(const char* name, const char* what, std::function<int()> run) {
    CLI::App* const command = Add(name, what, std::move(run));
    AddRemote(command, &remote_);
    return command;
  }
  // What commands with commands of their own give to each of those.
  std::function<void(CLI::App*)> WithRemote() {
    return [this](CLI::App* one) { AddRemote(one, &remote_); };
  }

  void AddServer() {
    CLI::App* const serve =
        Add("serve", "Run the server", [this] { return Serve(sources_, crash_at_, store_rate_); });
    AddConfigOptions(serve, &sources_);
    AddServeFlags(serve, &sources_);
    serve->add_option("--crash-at", crash_at_, "")->group("");
    serve->add_option("--store-rate", store_rate_, "")->group("");
  }

  void AddClients() {
    AddSqlOptions(AddAsking("sql", "Ask the server a question in SQL",
                            [this] { return RunSql(remote_, sql_); }),
                  &sql_);
    AddSendOptions(AddAsking("send", "Send events from arguments, file or stdin",
                             [this] { return RunSend(remote_, send_); }),
                   &send_);
    AddDemoOptions(AddAsking("demo", "Send generated shop, site and video traffic",
                             [this] { return RunDemo(remote_, demo_); }),
                   &demo_);
    AddAsking("settle", "Move everything durable into the lake",
              [this] { return RunPost(remote_, "/v1/settle"); });
    AddAsking("verify", "Recount and rehash log, hot and lake against the ledger",
              [this] { return RunVerify(remote_); });
    AddKeyOptions(
        Add("key", "Make, list, end and renew API keys", [this] { return RunKey(remote_, key_); }),
        &key_, WithRemote());
  }

  void AddCatalog() {
    AddTableOptions(Add("table", "Look at Iceberg tables and change them",
                        [this] { return RunTable(remote_, table_); }),
                    &table_, WithRemote());
    AddIcebergOptions(
        Add("iceberg", "Examine Iceberg tables and their files, with or without a server",
            [this] { return RunIceberg(remote_, iceberg_); }),
        &iceberg_, WithRemote());
  }

  void AddRegistry() {
    AddSchemaOptions(Add("schema", "Register, show, check and propose schemas of events",
                         [this] { return RunSchema(remote_, schema_); }),
                     &schema_, WithRemote());
    CLI::App* const event = Add("event", "Events that could not be taken",
                                [this] { return RunQuarantine(remote_, quarantine_); });
    event->require_subcommand(1);
    AddQuarantineOptions(
        event->add_subcommand("quarantine", "List, show, replay and drop invalid events"),
        &quarantine_, WithRemote());
  }

  void AddLocal() {
    AddDoctorOptions(Add("doctor", "Examine a data directory that no server uses",
                         [this] { return RunDoctor(doctor_); }),
                     &doctor_);
    CLI::App* const config = Add("config", "Show, check or describe the settings", nullptr);
    commands_.back().second = [this, config] {
      return RunConfig(config->get_subcommands()[0]->get_name(), sources_);
    };
    config->require_subcommand(1);
    for (const auto& [name, what] : {std::pair{"print", "Every setting and who said it, as TOML"},
                                     std::pair{"check", "Only say whether all is right"},
                                     std::pair{"docs", "The reference page, as Markdown"}}) {
      AddConfigOptions(config->add_subcommand(name, what), &sources_);
    }
    Add("version", "Print the version", [this] {
      return RunVersion(version_json_);
    })->add_flag("--json", version_json_, "As JSON");
    Add("help", "What a command does and takes", [this] {
      return Help();
    })->add_option("command", help_words_, "As `table rollback`; none: all commands in short");
    AddCompletionOptions(Add("completion", "Print what makes a shell complete commands and options",
                             [this] { return RunCompletion(app_, completion_); }),
                         &completion_);
    app_.set_version_flag("--version", [] { return VersionText(); }, "Print the version");
  }

  CLI::App app_;
  std::vector<std::pair<CLI::App*, std::function<int()>>> commands_;
  ConfigSources sources_;
  std::string crash_at_;
  std::uint64_t store_rate_ = 0;
  Remote remote_;
  SqlOptions sql_;
  SendOptions send_;
  DemoOptions demo_;
  KeyOptions key_;
  TableOptions table_;
  IcebergOptions iceberg_;
  SchemaOptions schema_;
  QuarantineOptions quarantine_;
  DoctorOptions doctor_;
  CompletionOptions completion_;
  std::vector<std::string> help_words_;
  bool version_json_ = false;
};

}  // namespace

int Main(int argc, char** argv) { return CommandLine().Run(argc, argv); }

}  // namespace tidemark::app

int main(int argc, char** argv) { return tidemark::app::Main(argc, argv); }
