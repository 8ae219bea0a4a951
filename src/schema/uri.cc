#include "schema/uri.h"

#include <algorithm>

namespace tidemark::schema {
namespace {

struct Parts {
  std::string_view scheme;     // With its ':'.
  std::string_view authority;  // With its "//".
  std::string_view path;
  std::string_view query;     // With its '?'.
  std::string_view fragment;  // With its '#'.
};

std::string_view CutTail(std::string_view* text, char mark) {
  const std::size_t at = std::min(text->find(mark), text->size());
  const std::string_view tail = text->substr(at);
  *text = text->substr(0, at);
  return tail;
}

Parts Split(std::string_view text) {
  Parts parts;
  parts.fragment = CutTail(&text, '#');
  parts.query = CutTail(&text, '?');
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon > 0 && text.find('/') > colon) {
    parts.scheme = text.substr(0, colon + 1);
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    const std::size_t end = std::min(text.find('/', 2), text.size());
    parts.authority = text.substr(0, end);
    text.remove_prefix(end);
  }
  parts.path = text;
  return parts;
}

// Section 5.2.4.
std::string RemoveDots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./") || path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../") || path == "/..") {
      path = path.size() > 3 ? path.substr(3) : std::string_view("/");
      out.erase(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
    } else if (path == "." || path == "..") {
      path = {};
    } else {
      const std::size_t end = std::min(path.find('/', 1), path.size());
      out += path.substr(0, end);
      path.remove_prefix(end);
    }
  }
  return out;
}

std::string Merged(const Parts& base, std::string_view path) {
  if (!base.authority.empty() && base.path.empty()) return "/" + std::string(path);
  const std::size_t slash = base.path.rfind('/');
  if (slash == std::string_view::npos) return std::string(path);
  return std::string(base.path.substr(0, slash + 1)) + std::string(path);
}

std::string Join(const Parts& parts, const std::string& path) {
  std::string uri(parts.scheme);
  uri.append(parts.authority).append(path).append(parts.query).append(parts.fragment);
  return uri;
}

}  // namespace

std::string ResolveUri(std::string_view base, std::string_view reference) {
  if (base.empty()) return std::string(reference);
  const Parts from = Split(base);
  Parts to = Split(reference);
  if (!to.scheme.empty()) {
    // The path of a URN is no hierarchy.
    return to.authority.empty() && !to.path.starts_with('/') ? std::string(reference)
                                                             : Join(to, RemoveDots(to.path));
  }
  to.scheme = from.scheme;
  if (!to.authority.empty()) return Join(to, RemoveDots(to.path));
  to.authority = from.authority;
  if (to.path.empty()) {
    if (to.query.empty()) to.query = from.query;
    return Join(to, std::string(from.path));
  }
  return Join(to,
              RemoveDots(to.path.starts_with('/') ? std::string(to.path) : Merged(from, to.path)));
}

SplitUri SplitFragment(std::string_view uri) {
  const std::size_t hash = uri.find('#');
  if (hash == std::string_view::npos) return {uri, {}};
  return {uri.substr(0, hash), uri.substr(hash + 1)};
}

}  // namespace tidemark::schema
