#!/usr/bin/env sh
# Build plugin.wasm. The compiler is put into .venv the first time; PYTHON names another Python for it.
set -eu
cd "$(dirname "$0")"
if ! .venv/bin/python -c 'import ziglang' 2>/dev/null; then
    "${PYTHON:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check ziglang==0.17.1
fi
.venv/bin/python -m ziglang cc -target wasm32-wasi -mexec-model=reactor -std=c17 -Wall -Wextra -Werror -Os -s \
    -Wl,-z,stack-size=262144 plugin.c candid.c host.c -o core.wasm
orchestrator plugin componentize core.wasm -o plugin.wasm
