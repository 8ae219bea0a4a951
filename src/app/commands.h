// The commands of the binary. Each returns the process's exit code; what it prints is for people
// when standard output is a terminal and for programs otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/server.h"
#include "config/settings.h"

namespace CLI {
class App;
}

namespace tidemark::app {

// Which server a command talks to.
struct Remote {
  std::string url;  // Empty: the server of the data directory.
  std::string data_dir = "tidemark-data";
  std::string key;
  std::string project;
};

struct SqlOptions {
  std::string statement;  // Empty: from `file`. "-": standard input.
  std::string file;       // Empty or "-": standard input.
  std::string output;     // table, json, ndjson, csv, arrow; empty: table on a terminal, else csv.
  std::vector<std::string> parameters;
  std::string min_offset;
  std::string as_of;
  bool rows_only =
      false;  // JSON is an array of rows, as of other lists, and tables have no footer.
};

struct SendOptions {
  std::vector<std::string> events;  // JSON texts; none: from `file`.
  std::string file = "-";           // "-": standard input. NDJSON, an array, or one object.
  std::uint32_t batch = 1'000;      // Events a request.
};

struct DemoOptions {
  double rate = 0;  // Events a second; 0: as fast as the server takes them.
  std::uint64_t count = 10'000;
  double seconds = 0;  // Stop after so long, whatever the count; 0: at the count.
  std::uint64_t users = 1'000'000;
  double days = 0;  // Event times lie in so many days before now; 0: now.
  std::string now;  // Time of the newest events (ISO 8601); empty: the clock's as they are made.
  std::uint64_t seed = 1;
  double late = 0.02;  // Share of events that happened up to 40 days before.
  double dup = 0;      // Share sent twice with one id.
  double bad = 0;      // Share that the server must refuse.
  std::uint32_t batch = 1'000;
  std::uint32_t connections = 2;
  std::string as;       // "segment": calls of `track`, one a request.
  std::string ack;      // "memory": do not wait for durability.
  bool report = false;  // One JSON line with rates, latencies and the client's CPU time.
};

struct KeyOptions {
  std::vector<std::string> grants;  // "read,write:shop.orders", "create:shop.*".
  std::string action;               // create, list, show, revoke, rotate.
  std::string id;
  std::string output;  // table, json, ndjson; empty: table on a terminal, else json.
  std::string name;
  std::vector<std::string> scopes;
  std::string dialect;
  std::vector<std::string> origins;
  std::vector<std::string> addresses;
  std::string requests;
  std::string events;
  std::string bytes;
  std::string expires;
  std::string overlap = "24h";
  bool yes = false;
};

struct SchemaOptions {
  std::string action;  // list, register, show, check, mode, infer, validate, delete, backfill.
  std::string subject;
  std::string file = {};  // "-": standard input.
  std::string mode = {};
  std::string compatibility = {};
  std::string version = {};
  std::string promote = {};  // "all", or names.
  std::string output = {};   // Of list: table, json; empty: table on a terminal, else json.
  std::uint64_t limit = 0;   // 0: as the server likes.
  bool document = false;
  bool yes = false;  // Of delete: do not ask.
};

struct CompletionOptions {
  std::string shell;  // bash, zsh, fish.
};

struct TableOptions {
  // list, describe, files, partitions, snapshots, history, refs, rollback, tag, branch, alter.
  std::string action;
  std::string table;     // "namespace.table", or a name in the namespace `default`.
  std::string output;    // table, json, ndjson, csv; empty: table on a terminal, else csv.
  std::string ref = {};  // The tag or branch.
  std::string target =
      {};               // Snapshot id, tag, branch or time that it is set to; empty: the newest.
  bool remove = false;  // The ref.
  std::vector<std::string> add = {};     // "name type".
  std::vector<std::string> rename = {};  // "old=new".
  std::vector<std::string> drop = {};
  std::vector<std::string> widen = {};  // "name=type".
  bool yes = false;
  bool dry_run = false;
};

struct IcebergOptions {
  std::string action;  // fsck, dump, verify.
  std::string target;  // A file, or a table as "namespace.table".
  bool json = false;
  bool moved = false;          // Files lie beside the metadata file, whatever its location says.
  bool head = false;           // fsck of the current snapshot alone.
  std::int64_t snapshot = -1;  // verify; -1: the current one.
};

struct QuarantineOptions {
  std::string action;  // list, show, replay, drop.
  std::vector<std::string> ids = {};
  bool all = false;       // Instead of ids: every pending item that the filters choose.
  std::string file = {};  // The event put right; "-": standard input.
  std::string status = {};
  std::string reason = {};
  std::string event_type = {};
  std::uint64_t limit = 0;  // 0: as the server likes.
  std::string output = {};  // table, json; empty: table on a terminal, else json.
};

struct DoctorOptions {
  std::string data_dir = "tidemark-data";
  bool rebuild_catalog = false;
  bool accept_lost_log = false;
  bool json = false;
};

// What says how the server is to be, beside the environment.
struct ConfigSources {
  std::string file;                          // --config; empty: ./tidemark.toml if it is there.
  std::vector<std::string> assignments;      // -X section.key=value.
  std::map<std::string, std::string> flags;  // By key.
};

// --config and -X.
void AddConfigOptions(CLI::App* app, ConfigSources* sources);
// The flags of config::Options().
void AddServeFlags(CLI::App* app, ConfigSources* sources);
// From the least to the most weighty: defaults, file, environment, -X, flags.
Result<config::Settings> ReadSettings(const ConfigSources& sources);
ServeOptions ToServeOptions(const config::Settings& settings);

void AddSqlOptions(CLI::App* app, SqlOptions* options);
void AddSendOptions(CLI::App* app, SendOptions* options);
void AddDemoOptions(CLI::App* app, DemoOptions* options);
void AddCompletionOptions(CLI::App* app, CompletionOptions* options);
void AddDoctorOptions(CLI::App* app, DoctorOptions* options);

// `add_remote` adds the options of a Remote.
void AddKeyOptions(CLI::App* app, KeyOptions* options,
                   const std::function<void(CLI::App*)>& add_remote);
void AddSchemaOptions(CLI::App* app, SchemaOptions* options,
                      const std::function<void(CLI::App*)>& add_remote);
void AddTableOptions(CLI::App* app, TableOptions* options,
                     const std::function<void(CLI::App*)>& add_remote);
void AddIcebergOptions(CLI::App* app, IcebergOptions* options,
                       const std::function<void(CLI::App*)>& add_remote);

void AddQuarantineOptions(CLI::App* app, QuarantineOptions* options,
                          const std::function<void(CLI::App*)>& add_remote);

int RunServe(const ServeOptions& options);
// print, check or docs. kCheckFailed if a source is wrong.
int RunConfig(const std::string& action, const ConfigSources& sources);
int RunSql(const Remote& remote, const SqlOptions& options);
int RunSend(const Remote& remote, const SendOptions& options);
int RunDemo(const Remote& remote, const DemoOptions& options);
// POSTs nothing to `path` and prints the answer.
int RunPost(const Remote& remote, const std::string& path);
int RunVerify(const Remote& remote);
// kCheckFailed: the schema is not compatible, or an event not valid.
int RunSchema(const Remote& remote, const SchemaOptions& options);
// kCheckFailed: an event that is replayed is still not valid.
int RunQuarantine(const Remote& remote, const QuarantineOptions& options);
// Offline checks: kCheckFailed if one failed, kConflict while a server owns the directory.
// `program`: the whole command line.
int RunCompletion(const CLI::App& program, const CompletionOptions& options);
int RunDoctor(const DoctorOptions& options);
int RunKey(const Remote& remote, const KeyOptions& options);
int RunTable(const Remote& remote, const TableOptions& options);
// kCheckFailed: fsck or verify found something wrong.
int RunIceberg(const Remote& remote, const IcebergOptions& options);
std::string VersionText();
int RunVersion(bool json);

}  // namespace tidemark::app
