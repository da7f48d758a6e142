#!/usr/bin/env sh
# Build plugin.wasm. The toolchain is put into .venv the first time; PYTHON names another Python for it.
set -eu
cd "$(dirname "$0")"
if [ ! -x .venv/bin/componentize-py ]; then
    "${PYTHON:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check componentize-py==0.25.1
fi
.venv/bin/componentize-py -d wit -w sync-plugin componentize app -o plugin.wasm
