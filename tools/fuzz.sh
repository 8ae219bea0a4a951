#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET]: builds the libFuzzer programs with clang and runs each for so long. What
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
targets=${only:-http body json_events batch wal avro puffin metadata commit scan_filter cloud_events segment posthog schema referrer promoted names}
ninja -C build/fuzz --quiet $(printf 'fuzz_%s ' $targets)
mkdir -p build/fuzz/found
status=0
for target in $targets; do
  mkdir -p "build/fuzz/corpus/$target"
  log=build/fuzz/$target.log
  if "build/fuzz/tests/fuzz_$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/fuzz/found/$target-" "build/fuzz/corpus/$target" >"$log" 2>&1; then
    echo "fuzz $target: nothing found ($(grep -o 'Done [0-9]* runs' "$log" || true))"
  else
    echo "fuzz $target: FOUND, see $log and build/fuzz/found"
    status=1
  fi
done
exit $status
