#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_writer.h"
#include "env/local_store.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "ops/doctor.h"
#include "ops/lost_log.h"

namespace tidemark::app {
namespace {

int Print(const std::vector<ops::Check>& checks, bool json) {
  bool failed = false;
  std::string text;
  JsonWriter out(&text);
  out.BeginObject().Key("checks").BeginArray();
  for (const ops::Check& check : checks) {
    failed = failed || check.finding == ops::Finding::kFailed;
    const std::string finding(ops::FindingName(check.finding));
    out.BeginObject().Field("name", check.name).Field("finding", finding);
    out.Field("found", check.found).Field("hint", check.hint).EndObject();
    if (json) continue;
    std::printf("%-8s %s: %s\n", finding.c_str(), check.name.c_str(), check.found.c_str());
    if (!check.hint.empty()) std::printf("         -> %s\n", check.hint.c_str());
  }
  out.EndArray().Field("ok", !failed).EndObject();
  if (json) std::printf("%s\n", text.c_str());
  return failed ? kCheckFailed : kOk;
}

int FailDoctor(const Error& error, int code) {
  std::fprintf(stderr, "tidemark doctor: %s\n", error.message().c_str());
  return code;
}

int Rebuild(const ops::Premises& premises) {
  const auto rebuilt = ops::RebuildCatalog(premises);
  if (!rebuilt) {
    const Code code = rebuilt.error().code();
    const bool conflict = code == Code::kAlreadyExists || code == Code::kConflict;
    return FailDoctor(rebuilt.error(), conflict ? kConflict : kFailed);
  }
  for (const ops::RebuiltTable& table : *rebuilt) {
    std::printf("rebuilt  %s.%s: metadata version %lld, settled up to offset %lld\n",
                table.ns.c_str(), table.name.c_str(),
                static_cast<long long>(table.metadata_version),
                static_cast<long long>(table.settled));
  }
  std::printf("rebuilt  meta.db with %zu tables; API keys are made anew by the next start\n",
              rebuilt->size());
  return kOk;
}

void PrintStream(const ops::LostStream& stream) {
  std::printf("lost     %s.%s: all below offset %s is in the lake, %llu more could be read",
              stream.ns.c_str(), stream.table.c_str(), to_string(stream.settled).c_str(),
              static_cast<unsigned long long>(stream.carried));
  for (const ops::LostStream::Range& range : stream.lost) {
    std::printf("; %s to %s are lost", to_string(range.begin).c_str(),
                to_string(range.end).c_str());
  }
  std::printf("\n");
}

void PrintLoss(const ops::AcceptedLoss& loss) {
  for (const std::string& problem : loss.problems) std::printf("lost     %s\n", problem.c_str());
  for (const ops::LostStream& stream : loss.streams) PrintStream(stream);
  if (loss.carried_on) {
    std::printf("accepted %s goes on where the lake ends: an earlier call was carried on\n",
                loss.new_log.c_str());
  } else {
    std::printf(
        "lost     whether more was acknowledged after that cannot be known from what is left\n");
    std::printf("accepted log %s is given up, %s goes on where the lake ends\n",
                loss.old_log.c_str(), loss.new_log.c_str());
  }
  if (!loss.set_aside.empty()) {
    std::printf("kept     the old files are in %s/\n", loss.set_aside.c_str());
  }
  if (loss.frames == 0 && !loss.carried_on) {
    std::printf("forgot   the ids of all events before: one that is sent again is stored again\n");
  }
}

int AcceptLostLog(const ops::Premises& premises) {
  env::Random random(env::EntropySeed());
  const auto loss = ops::AcceptLostLog(premises, &random);
  if (!loss) {
    const Code code = loss.error().code();
    return FailDoctor(loss.error(), code == Code::kConflict   ? kConflict
                                    : code == Code::kNotFound ? kNotFound
                                                              : kFailed);
  }
  PrintLoss(*loss);
  return kOk;
}

}  // namespace

void AddDoctorOptions(CLI::App* app, DoctorOptions* options) {
  app->add_option("--data-dir", options->data_dir, "Folder of log, lake and catalog")
      ->capture_default_str();
  app->add_flag("--rebuild-catalog", options->rebuild_catalog,
                "Make a lost meta.db again from the newest table metadata");
  app->add_flag("--accept-lost-log", options->accept_lost_log,
                "Go on without a log that is lost: keep what can be read of it, begin a new one "
                "where the lake ends");
  app->add_flag("--json", options->json, "Print the checks as JSON");
}

int RunDoctor(const DoctorOptions& options) {
  if (!std::filesystem::is_directory(options.data_dir)) {
    return FailDoctor({Code::kNotFound, "there is no data directory " + options.data_dir +
                                            "; name the one of a server with --data-dir"},
                      kNotFound);
  }
  const auto disk = env::OpenPosixDisk(options.data_dir);
  if (!disk) return FailDoctor(disk.error(), kFailed);
  const auto lock = (*disk)->Lock("lock", std::to_string(::getpid()) + "\n");
  if (!lock && lock.error().code() == Code::kConflict) {
    return FailDoctor({Code::kConflict, "a server (pid " + lock.error().message() +
                                            ") owns the data directory; stop it first, or ask it "
                                            "with `tidemark verify`"},
                      kConflict);
  }
  if (!lock) return FailDoctor(lock.error(), kFailed);
  env::LocalStore store(disk->get(), "lake");
  const env::PosixClock clock;
  const ops::Premises premises{disk->get(), &store, &clock};
  if (options.rebuild_catalog) {
    if (const int code = Rebuild(premises); code != kOk) return code;
  }
  if (options.accept_lost_log) {
    if (const int code = AcceptLostLog(premises); code != kOk) return code;
  }
  return Print(ops::Examine(premises), options.json);
}

}  // namespace tidemark::app
