// Scripts that complete the words of a command line, made from the parser itself: what it does not
// take is not offered.

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/remote.h"

namespace tidemark::app {
namespace {

struct OptionWords {
  std::vector<std::string> names;  // "--output", "-o".
  std::string what;
  bool takes_value = false;
  std::vector<std::string> values;  // If only these are taken.
};

struct CommandWords {
  std::string at;  // Each word with a blank before it: " key list"; empty: the program itself.
  std::vector<std::pair<std::string, std::string>> commands;  // Below it, and what they do.
  std::vector<OptionWords> options;
};

// What stands between the braces of "TEXT:{table,json}".
std::vector<std::string> ValuesOf(const std::string& type) {
  std::vector<std::string> values;
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return values;
  for (std::size_t at = open + 1; at <= close;) {
    const std::size_t end = std::min(type.find(',', at), close);
    values.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return values;
}

void Collect(const CLI::App& app, const std::string& at, std::vector<CommandWords>* out) {
  CommandWords words{.at = at, .commands = {}, .options = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // Not for people.
    OptionWords one;
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    if (one.names.empty()) continue;
    one.what = option->get_description();
    one.takes_value = option->get_expected_max() > 0;
    one.values = ValuesOf(option->get_type_name());
    words.options.push_back(std::move(one));
  }
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* one : below) {
    words.commands.emplace_back(one->get_name(), one->get_description());
  }
  out->push_back(std::move(words));
  for (const CLI::App* one : below) Collect(*one, at + " " + one->get_name(), out);
}

// In single quotes of the shell; `quote` is how it writes one of those.
std::string Quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out.append(quote);
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

constexpr std::string_view kQuoteOfSh = "'\\''";
constexpr std::string_view kQuoteOfFish = "\\'";

std::string Joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) {
    out.append(out.empty() ? "" : between).append(word);
  }
  return out;
}

// Every command but the program itself, quoted.
std::string Places(const std::vector<CommandWords>& all, std::string_view between) {
  std::vector<std::string> places;
  places.reserve(all.size());
  for (const CommandWords& one : all) {
    if (!one.at.empty()) places.push_back(Quoted(one.at, kQuoteOfSh));
  }
  return Joined(places, between);
}

// The cases `at option` whose values are known, with what `line` makes of them.
std::string ValueCases(const std::vector<CommandWords>& all,
                       const std::function<std::string(const std::string&)>& line) {
  std::string out;
  for (const CommandWords& command : all) {
    for (const OptionWords& option : command.options) {
      if (option.values.empty()) continue;
      std::vector<std::string> cases;
      cases.reserve(option.names.size());
      for (const std::string& name : option.names) {
        cases.push_back(Quoted(command.at + " " + name, kQuoteOfSh));
      }
      out += "    " + Joined(cases, "|") + ") " + line(Joined(option.values, " ")) + " ;;\n";
    }
  }
  return out;
}

std::string ForBash(const std::vector<CommandWords>& all) {
  std::string out =
      "# bash completion of tidemark: source <(tidemark completion bash)\n"
      "_tidemark() {\n"
      "  local at='' words='' i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n"
      "      " +
      Places(all, "|") +
      ") at=\"$at ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const CommandWords& command : all) {
    std::vector<std::string> words;
    words.reserve(command.commands.size() + 2 * command.options.size());
    for (const auto& [name, what] : command.commands) words.push_back(name);
    for (const OptionWords& option : command.options) {
      words.insert(words.end(), option.names.begin(), option.names.end());
    }
    out += "    " + Quoted(command.at, kQuoteOfSh) + ") words='" + Joined(words, " ") + "' ;;\n";
  }
  out += "  esac\n  case \"$at ${COMP_WORDS[COMP_CWORD-1]}\" in\n";
  out += ValueCases(all, [](const std::string& values) { return "words='" + values + "'"; });
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _tidemark tidemark\n";
}

// "name:what it does", quoted.
std::string Described(const std::string& name, const std::string& what) {
  std::string both = name;
  both.append(":").append(what);
  return Quoted(both, kQuoteOfSh);
}

std::string ForZsh(const std::vector<CommandWords>& all) {
  std::string out =
      "#compdef tidemark\n"
      "# zsh completion of tidemark: source <(tidemark completion zsh)\n"
      "_tidemark() {\n"
      "  local at='' word\n"
      "  local -a commands options values\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $word\" in\n"
      "      (" +
      Places(all, "|") +
      ") at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const CommandWords& command : all) {
    std::vector<std::string> commands;
    std::vector<std::string> options;
    commands.reserve(command.commands.size());
    options.reserve(2 * command.options.size());
    for (const auto& [name, what] : command.commands) commands.push_back(Described(name, what));
    for (const OptionWords& option : command.options) {
      for (const std::string& name : option.names) options.push_back(Described(name, option.what));
    }
    out += "    (" + Quoted(command.at, kQuoteOfSh) + ") commands=(" + Joined(commands, " ") +
           ") options=(" + Joined(options, " ") + ") ;;\n";
  }
  out += "  esac\n  case \"$at ${words[CURRENT-1]}\" in\n";
  out += ValueCases(all, [](const std::string& values) { return "values=(" + values + ")"; });
  return out +
         "  esac\n"
         "  if (( ${#values} )); then compadd -- $values\n"
         "  elif [[ ${words[CURRENT]} == -* ]]; then _describe -o option options\n"
         "  elif (( ${#commands} )); then _describe command commands\n"
         "  else _files\n"
         "  fi\n"
         "}\n"
         "if [[ ${funcstack[1]} == _tidemark ]]; then _tidemark \"$@\"\n"
         "else compdef _tidemark tidemark\n"
         "fi\n";
}

std::string FishOption(const OptionWords& option) {
  std::string out;
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.values.empty()) {
    out += " -x -a " + Quoted(Joined(option.values, " "), kQuoteOfFish);
  } else if (option.takes_value) {
    out += " -r";
  }
  return out + " -d " + Quoted(option.what, kQuoteOfFish);
}

std::string ForFish(const std::vector<CommandWords>& all) {
  std::string out =
      "# fish completion of tidemark: tidemark completion fish | source\n"
      "function __tidemark_at\n"
      "    set -l at ''\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        if contains -- \"$at $word\" " +
      Places(all, " ") +
      "\n            set at \"$at $word\"\n"
      "        end\n"
      "    end\n"
      "    test \"$at\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c tidemark -e\n";
  for (const CommandWords& command : all) {
    std::string where = "complete -c tidemark -n \"__tidemark_at '";
    where.append(command.at).append("'\"");
    for (const auto& [name, what] : command.commands) {
      out.append(where).append(" -f -a ").append(name).append(" -d ");
      out.append(Quoted(what, kQuoteOfFish)).append("\n");
    }
    for (const OptionWords& option : command.options) {
      out.append(where).append(FishOption(option)).append("\n");
    }
  }
  return out;
}

}  // namespace

void AddCompletionOptions(CLI::App* app, CompletionOptions* options) {
  app->add_option("shell", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer(
      "For every new shell:\n"
      "  bash  echo 'source <(tidemark completion bash)' >> ~/.bashrc\n"
      "  zsh   echo 'source <(tidemark completion zsh)' >> ~/.zshrc   (after compinit)\n"
      "  fish  tidemark completion fish > ~/.config/fish/completions/tidemark.fish");
}

int RunCompletion(const CLI::App& program, const CompletionOptions& options) {
  std::vector<CommandWords> all;
  Collect(program, "", &all);
  const std::string script = options.shell == "bash"  ? ForBash(all)
                             : options.shell == "zsh" ? ForZsh(all)
                                                      : ForFish(all);
  std::fputs(script.c_str(), stdout);
  return kOk;
}

}  // namespace tidemark::app
