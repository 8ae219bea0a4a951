#!/usr/bin/env bash
# clang-format and clang-tidy on the files that differ from main (`changed`) or on all of them (`all`).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-changed}" = all ]; then
  python3 tools/headers.py
  mapfile -t files < <(git ls-files 'src/*.cc' 'src/*.h')
else
  mapfile -t files < <({ git diff --name-only --diff-filter=d main -- 'src/*.cc' 'src/*.h'; git ls-files -o --exclude-standard 'src/*.cc' 'src/*.h'; } | sort -u)
fi
[ ${#files[@]} -gt 0 ] || { echo "lint: nothing changed"; exit 0; }
clang-format-19 --dry-run --Werror "${files[@]}"
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.cc$' || true)
# The dev build is g++'s: its precompiled headers and some of its options are nothing to clang.
quiet=(--extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-gch --extra-arg=-Wno-unused-command-line-argument)
[ ${#sources[@]} -eq 0 ] || clang-tidy-19 -p build/dev --quiet "${quiet[@]}" "${sources[@]}"
echo "lint: ok"
