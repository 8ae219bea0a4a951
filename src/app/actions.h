// Subcommands of one command that share its options: which one was meant is a word in them.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace tidemark::app {

// Adds the subcommand `name`, which sets `*action` to its name. `name` must be a literal.
inline CLI::App* AddAction(CLI::App* app, std::string* action, const char* name, const char* what,
                           const std::function<void(CLI::App*)>& add_remote) {
  CLI::App* one = app->add_subcommand(name, what);
  one->callback([action, name] { *action = name; });
  add_remote(one);
  return one;
}

}  // namespace tidemark::app
