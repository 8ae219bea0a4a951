#!/usr/bin/env bash
# run.sh BINARY PORT: starts the server with demo traffic and shows where to look, with live answers.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1 port=$2
data=${DATA_DIR:-build/demo-data}
mkdir -p "$data"
out=$(mktemp); trap 'rm -f "$out"' EXIT
"$binary" serve --dev --data-dir "$data" --http-listen "127.0.0.1:$port" --flush-seconds 10 >"$out" 2>"$data/server.log" &
server=$!
demo=""
stop() { [ -z "$demo" ] || kill "$demo" 2>/dev/null || true; kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -f "$out"; }
trap stop EXIT INT TERM
until grep -q '^ready ' "$out"; do
  kill -0 "$server" 2>/dev/null || { cat "$out"; tail -n 3 "$data/server.log"; exit 1; }
  read -r -t 0.1 <> <(:) || true
done
url=$(sed -n 's/^ready //p' "$out")
"$binary" demo --url "$url" --count 20000 --seed "$$" >/dev/null
"$binary" settle --url "$url" >/dev/null
"$binary" demo --url "$url" --rate 200 --late 0.001 --count "${DEMO_EVENTS:-1000000000}" --seed "$(($$ + 1))" >/dev/null 2>&1 &
demo=$!

show() { printf '\n\033[1m$ %s\033[0m\n' "$1"; bash -c "$1"; }
echo "Tidemark runs at $url with generated demo traffic; its data is in $data"
echo "health $url/health   metrics $url/metrics   log lines $data/server.log"
echo; echo "Send an event:"
show "curl -s $url/v1/events -d '{\"eventType\":\"hello\",\"userId\":\"you\",\"properties\":{\"answer\":42}}'"
echo; echo "Ask a question, over live and settled events together:"
show "$binary sql -o table --url $url \"select event_type, count(*) as events from events group by 1 order by 2 desc limit 5\""
echo; echo "Open the settled table from Python (Apache Iceberg, no Tidemark code involved):"
location=$(curl -s "$url/v1/tables/default/events" | sed -n 's/.*"metadata-location":"\([^"]*\)".*/\1/p')
show ".venv/bin/python -c \"from pyiceberg.table import StaticTable; print(StaticTable.from_metadata('$location').scan().count(), 'settled events')\""
echo
if [ -n "${RUN_ONCE:-}" ]; then exit 0; fi
echo "Ctrl-C stops it. The next 'make run' goes on with the same data."
wait "$server"
