#!/usr/bin/env bash
# ./fog ui: a gateway with its own state under run/; rebuilt and restarted when the page changes.
set -euo pipefail
BIN=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p run/state run/runtime
pid=
trap '[ -n "$pid" ] && kill "$pid" 2>/dev/null; exit 0' INT TERM EXIT
stamp() { find firmware/web -type f -printf '%T@ %p\n' | sort | sha256sum; }
while :; do
  seen=$(stamp)
  ./fog build debug foglined && {
    [ -n "$pid" ] && kill "$pid" && wait "$pid" || true
    "$BIN/foglined" --config run/fogline.toml --state run/state --runtime run/runtime &
    pid=$!
  }
  while [ "$(stamp)" = "$seen" ]; do sleep 1; done
done
