#!/usr/bin/env bash
# Installs the SDKs that the tests of this folder run, as their vendors publish them, by the
# registries' ordinary clients and pinned by version and checksum, into .deps/sdks/ (never
# committed). `--browser` installs Debian's Chromium too. Seconds when all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
into=.deps/sdks
from=tests/sdk
stamp=$(cat $from/package.json $from/package-lock.json $from/requirements.txt | sha256sum | cut -d' ' -f1)
if [ "$(cat $into/stamp 2>/dev/null)" != "$stamp" ]; then
  rm -rf $into.new; mkdir -p $into.new
  cp $from/package.json $from/package-lock.json $from/.npmrc $into.new/
  ( cd $into.new && npm ci --silent --no-progress )
  python3 -m venv $into.new/python
  $into.new/python/bin/python -m pip install --quiet --disable-pip-version-check -r $from/requirements.txt
  rm -rf $into; mv $into.new $into  # Scripts of the venv name its old place; only its python is used.
  echo "$stamp" > $into/stamp
fi
if [ "${1:-}" = --browser ] && ! command -v chromium >/dev/null; then
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
