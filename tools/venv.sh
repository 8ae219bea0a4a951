#!/usr/bin/env bash
# A Python environment in .venv with what the tests and the demonstration read our tables with,
# pinned in tests/requirements.txt. Seconds when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=$(sha256sum tests/requirements.txt | cut -d' ' -f1)
[ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ] && exit 0
echo "venv: installing the Python clients of tests/requirements.txt"
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
echo "$stamp" > .venv/stamp
