#!/usr/bin/env bash
# ./fog ui: a gateway with its own state under run/, and vite's server with the page of this source on its data.
set -euo pipefail
BIN=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p run/state run/runtime
rm -f run/runtime/port
"$BIN/foglined" --config run/fogline.toml --state run/state --runtime run/runtime &
gateway=$!
trap 'kill "$gateway" 2>/dev/null; wait "$gateway" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -s run/runtime/port ] && break
  kill -0 "$gateway" 2>/dev/null || { echo "ui: the gateway ended; its messages are above" >&2; exit 1; }
  sleep 0.1
done
FOG_URL=http://127.0.0.1:$(cat run/runtime/port)
echo "ui: the gateway is $FOG_URL, its claim code:" >&2
"$BIN/fogctl" --socket run/runtime/control.sock claim show >&2 || true
export FOG_URL
cd firmware/web && node node_modules/vite/bin/vite.js
