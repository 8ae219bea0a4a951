#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET]: builds the libFuzzer program with clang and runs each target for so long. What
# is found is left in build/fuzz/found; the corpus grows in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 only=${2:-}

missing=()
for name in clang-19 libclang-rt-19-dev; do
  dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

cmake --preset fuzz >/dev/null
ninja -C build/fuzz --quiet tm_fuzz
targets=${only:-$(build/fuzz/tests/tm_fuzz --list)}
mkdir -p build/fuzz/found
status=0
for target in $targets; do
  mkdir -p "build/fuzz/corpus/$target"
  log=build/fuzz/$target.log
  if build/fuzz/tests/tm_fuzz "--target=$target" -print_final_stats=1 -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/fuzz/found/$target-" "build/fuzz/corpus/$target" >"$log" 2>&1; then
    echo "fuzz $target: nothing found ($(grep -o 'Done [0-9]* runs' "$log" || true), $(grep -o 'cov: [0-9]*' "$log" | tail -1))"
  else
    echo "fuzz $target: FOUND, see $log and build/fuzz/found"
    status=1
  fi
done
exit $status
