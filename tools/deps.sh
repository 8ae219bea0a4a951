#!/usr/bin/env bash
# Installs what the build needs: Debian packages, and the engine library with its headers by the
# registries' ordinary clients, pinned by version and checksum, into .deps/. Seconds when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.5.5
header_sha=72f33ee57ca7595b23957671a2cc7f7fe2be0ecc2d68f63abedcfcaa3a5c1238
case $(uname -m) in
  x86_64)  package=@duckdb/node-bindings-linux-x64@$version-r.5;   sha=86d2bda909785550e8a14a57a8a4584827aff0e268d8f1a58c3fd48559f7020e ;;
  aarch64) package=@duckdb/node-bindings-linux-arm64@$version-r.5; sha=3b85f3ea438f7dc3691d7b5e6e4222ffe9127fd17885f96ca72e0c99925c348e ;;
  *) echo "deps: no engine library for $(uname -m)" >&2; exit 1 ;;
esac
debian=(g++ make cmake ninja-build ccache mold python3 python3-venv python3-pip npm curl
  libsimdjson-dev libexpected-dev libfmt-dev libxxhash-dev libsqlite3-dev libgtest-dev node-llhttp
  libzstd-dev zlib1g-dev libbrotli-dev libsnappy-dev libssl-dev libtomlplusplus-dev libcli11-dev libre2-dev
  libmaxminddb-dev libyaml-dev uap-core libpq-dev pkg-config)

missing=()
for name in "${debian[@]}"; do
  case $name in
    npm) command -v npm >/dev/null || missing+=(npm) ;;
    *) dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name") ;;
  esac
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "deps: installing ${missing[*]}"
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p .deps
verify() { echo "$2  $1" | sha256sum --check --quiet - || { echo "deps: $1 is not what it should be; remove it and try again" >&2; exit 1; }; }
if [ "$(cat .deps/duckdb/stamp 2>/dev/null)" != "$sha $header_sha" ]; then
  echo "deps: fetching the engine library $version"
  work=$(mktemp -d .deps/fetch.XXXXXX); trap 'rm -rf "$work"' EXIT
  ( cd "$work" && npm pack --silent "$package" >/dev/null && mv ./*.tgz library.tgz )
  verify "$work/library.tgz" "$sha"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary duckdb -d "$work" "duckdb==$version" >/dev/null
  verify "$work/duckdb-$version.tar.gz" "$header_sha"
  mkdir -p "$work/duckdb/lib"
  tar xzf "$work/library.tgz" -C "$work" package/libduckdb.so
  mv "$work/package/libduckdb.so" "$work/duckdb/lib/"
  tar xzf "$work/duckdb-$version.tar.gz" -C "$work" "duckdb-$version/external/duckdb/src/include"
  mv "$work/duckdb-$version/external/duckdb/src/include" "$work/duckdb/include"
  echo "$sha $header_sha" > "$work/duckdb/stamp"
  rm -rf .deps/duckdb; mv "$work/duckdb" .deps/duckdb
fi
