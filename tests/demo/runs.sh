#!/usr/bin/env bash
# The demo comes up, its printed curl line works, and it leaves no process and no folder behind.
# Usage: runs.sh BIN-FOLDER
set -euo pipefail
BIN=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for name in mosquitto curl; do
  command -v $name >/dev/null || [ -x /usr/sbin/$name ] || { echo "skipped, missing: $name"; exit 77; }
done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/fog-demo-test-XXXXXX")
mkdir "$WORK/tmp"
DEMO=
finish() {
  [ -z "$DEMO" ] || kill "$DEMO" 2>/dev/null || true
  [ -z "$DEMO" ] || wait "$DEMO" 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT
fail() {
  echo "FAILED: $1" >&2
  sed 's/^/  demo: /' "$WORK/out" >&2
  exit 1
}

# A word in the environment finds all its processes later, whoever their parent is by then.
MARK="FOG_DEMO_TEST=$$-$RANDOM"
env "$MARK" TMPDIR="$WORK/tmp" toolchains/demo.sh "$BIN" --seconds 15 >"$WORK/out" 2>&1 &
DEMO=$!
marked() { grep -lzx "$MARK" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true; }

until grep -q 'Ctrl-C stops everything' "$WORK/out"; do
  kill -0 "$DEMO" 2>/dev/null || fail 'it ended before it was running'
  sleep 0.1
done
URL=$(sed -n 's/^ *Page  *\(http:[^ ]*\)$/\1/p' "$WORK/out")
PASSPHRASE=$(sed -n 's/^ *Passphrase  *\([^ ]*\)$/\1/p' "$WORK/out")
CURL=$(sed -n 's/^ *Live values  *\(curl -N .*\)$/\1/p' "$WORK/out")
[ -n "$URL" ] || fail 'no URL of the page'
[ ${#PASSPHRASE} -ge 12 ] || fail 'no passphrase'
[ -n "$CURL" ] || fail 'no curl line'
grep -qE 'First live value: after [0-9.]+ (s|min)\.' "$WORK/out" || fail 'no first live value'
MEMORY=$(for pid in $(marked); do cat "/proc/$pid/cmdline" 2>/dev/null || true; done | tr '\0' '\n' |
  grep -xE '/.*/fogline-demo-[A-Za-z0-9]{6}' | sort -u || true)
[ -n "$MEMORY" ] || fail 'its runtime folder is not known'

# As a reader would paste it; it ends with the demo at the latest.
bash -c "exec $CURL -s" >"$WORK/stream" &
STREAM=$!
curl -sf -m 20 -o "$WORK/page" "$URL" || fail 'the page does not answer'
grep -q '<title>Fogline' "$WORK/page" || fail 'what answers is not the page'
curl -sf -m 20 -o /dev/null -H 'Content-Type: application/json' -d "{\"passphrase\":\"$PASSPHRASE\"}" \
  "${URL}api/v1/session" || fail 'the passphrase does not open it'
wait "$STREAM" || true
grep -q '^event: sample' "$WORK/stream" || fail "no sample over the curl line: $(head -c 400 "$WORK/stream")"

CODE=0
wait "$DEMO" || CODE=$?
DEMO=
[ "$CODE" = 0 ] || fail "exit code $CODE"
grep -q 'nothing is left behind' "$WORK/out" || fail 'it does not say that it is done'
LEFT=$(marked)
[ -z "$LEFT" ] || fail "processes left: $(for pid in $LEFT; do tr '\0' ' ' <"/proc/$pid/cmdline"; echo; done)"
[ -z "$(ls -A "$WORK/tmp")" ] || fail "folders left: $(ls -A "$WORK/tmp")"
for folder in $MEMORY; do [ ! -e "$folder" ] || fail "$folder is left"; done
echo "demo ran at $URL and left nothing behind"
