#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET]: builds the libFuzzer program with clang and runs each target for so long, as
# many side by side as there are cores (or FUZZ_JOBS). What is found is left in build/fuzz/found; the
# corpus grows in build/fuzz/corpus. The last line is the tally.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 only=${2:-}
jobs=${FUZZ_JOBS:-$(nproc)}

missing=()
for name in clang-19 libclang-rt-19-dev; do
  dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; rm -f build-fuzz.log; exit 1; }
rm -f build-fuzz.log
ninja -C build/fuzz -j"$jobs" --quiet tm_fuzz
mapfile -t targets < <(if [ -n "$only" ]; then echo "$only"; else build/fuzz/tests/tm_fuzz --list; fi)
mkdir -p build/fuzz/found
rm -f build/fuzz/*.failed

# One target, from its seeds; a line of what came of it.
run_target() {
  local target=$1 seconds=$2 log=build/fuzz/$1.log corpus=build/fuzz/corpus/$1
  local fuzz=(build/fuzz/tests/tm_fuzz "--target=$target")
  mkdir -p "$corpus"
  if "${fuzz[@]}" "--seeds=$corpus" >"$log" 2>&1 &&
    "${fuzz[@]}" -print_final_stats=1 -max_total_time="$seconds" -max_len=32768 -len_control=0 -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/fuzz/found/$target-" "$corpus" >"$log" 2>&1; then
    echo "fuzz $target: nothing found ($(grep -o 'Done [0-9]* runs' "$log" || true), $(grep -o 'cov: [0-9]*' "$log" | tail -1))"
  else
    echo "fuzz $target: FOUND, see $log and build/fuzz/found"
    touch "build/fuzz/$target.failed"
  fi
}
export -f run_target
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'run_target "$@"' _ {} "$seconds"

runs=0
for target in "${targets[@]}"; do
  runs=$((runs + $(grep -o 'stat::number_of_executed_units: *[0-9]*' "build/fuzz/$target.log" | grep -o '[0-9]*$' || echo 0)))
done
found=$(find build/fuzz -maxdepth 1 -name '*.failed' | wc -l)
echo "${#targets[@]} targets for $seconds s each, $runs executions, $found found something"
[ "$found" = 0 ]
