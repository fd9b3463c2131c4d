#!/usr/bin/env bash
# ./fog demo: gateway, simulated devices and a pretended cloud on loopback, in a throw-away folder.
# Usage: demo.sh BIN-FOLDER [--seconds N]   (N: stop by itself, for tests)
# FOG_DEMO_BEGAN: when the user asked for it, seconds since 1970; without it, now.
set -euo pipefail
BEGAN=${FOG_DEMO_BEGAN:-${EPOCHREALTIME/,/.}}
BIN=$1; shift
SECONDS_LEFT=0
[ "${1:-}" = --seconds ] && SECONDS_LEFT=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."

WORK=$(mktemp -d "${TMPDIR:-/tmp}/fogline-demo-XXXXXX")
# The ingest ring belongs on memory that outlives the process.
RUNTIME=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$WORK")/fogline-demo-XXXXXX")
PIDS=()

stop() {
  trap - EXIT INT TERM
  local pid
  for pid in "${PIDS[@]:1}"; do kill "$pid" 2>/dev/null || true; done   # all but the cloud first
  for pid in "${PIDS[@]:1}"; do wait "$pid" 2>/dev/null || true; done
  kill "${PIDS[0]}" 2>/dev/null || true
  wait "${PIDS[0]}" 2>/dev/null || true
  rm -rf "$WORK" "$RUNTIME"
  echo 'Demo stopped; nothing is left behind.'
}
trap stop EXIT
trap 'exit 0' INT TERM

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
pick_port() {  # the wanted one if it is free, else the next free above 20000
  local port=$1
  while ! port_free "$port"; do port=$((port < 20000 ? port + 20000 : port + 1)); done
  echo "$port"
}

broker() {  # PORT
  mkdir -p "$WORK/cloud"
  cat >"$WORK/cloud/mosquitto.conf" <<C
listener $1 127.0.0.1
allow_anonymous true
persistence true
persistence_location $WORK/cloud/
max_queued_messages 0
max_queued_bytes 16777216
max_inflight_messages 1000
user $(id -un)
log_dest file $WORK/cloud/mosquitto.log
C
  "$(command -v mosquitto || echo /usr/sbin/mosquitto)" -c "$WORK/cloud/mosquitto.conf" 2>>"$WORK/cloud/mosquitto.log" &
  PIDS+=($!)
}

wait_for() {  # SECONDS WHAT COMMAND...
  local until=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $until ]; then
      echo "demo: $what did not come up; its log:" >&2
      tail -5 "$WORK/gateway.log" >&2 || true
      exit 1
    fi
    sleep 0.1
  done
}

DEVICES=$(pick_port 1883)
CLOUD=$(pick_port 1884)
WAY=$(pick_port 1885)   # to the cloud, through fogsim, which cuts it now and then
PAGE=$(pick_port 8080)
broker "$CLOUD"

CONFIG=$WORK/config
mkdir -p "$CONFIG"/{rules.d,ports.d,uplinks.d} "$WORK/sim/run"
cat >"$CONFIG/fogline.toml" <<C
[gateway]
name = "Demo cold store"
[http]
listen = ["127.0.0.1"]
port = $PAGE
[log]
max_bytes = "64 MiB"
[simulator]
socket = "$WORK/sim/control.sock"
[mqtt.listener]
access = "open"
bind = ["127.0.0.1"]
port = $DEVICES
simulated = true
C
cat >"$CONFIG/ports.d/scale-1.toml" <<C
type = "line_ascii"
port = "$WORK/sim/run/by-id/scale-1"
baud = 9600
simulated = true
C
cat >"$CONFIG/ports.d/vibration.toml" <<C
type = "nanopb_frame"
port = "$WORK/sim/run/by-id/vibration-1"
simulated = true
C
cat >"$CONFIG/uplinks.d/cloud.toml" <<C
type = "mqtt"
url = "mqtt://127.0.0.1:$WAY"
simulated = true
C
cp sim/scenarios/demo-rules/*.toml "$CONFIG/rules.d/"

wait_for 10 'the cloud broker' bash -c "exec 3<>/dev/tcp/127.0.0.1/$CLOUD"
"$BIN/foglined" --config "$CONFIG/fogline.toml" --state "$WORK/state" --runtime "$RUNTIME" 2>"$WORK/gateway.log" &
PIDS+=($!)
ctl() { "$BIN/fogctl" --socket "$RUNTIME/control.sock" "$@"; }
wait_for 15 'the gateway' ctl status
PASSPHRASE=$(head -c 12 /dev/urandom | base64 | tr '+/' 'xy')
printf '%s\n' "$PASSPHRASE" | ctl claim set >/dev/null
TOKEN=$(ctl --json token create --name demo --scope read:live --scope read:history | sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
"$BIN/fogsim" run sim/scenarios/demo-cold-store.toml --mqtt "mqtt://127.0.0.1:$DEVICES" \
  --set cloud="$CLOUD" --set proxy="$WAY" \
  --out "$WORK/sim" --run-dir "$WORK/sim/run" --quiet >"$WORK/fogsim.log" 2>&1 &
PIDS+=($!)

# The first reading of a simulated device, as a client sees it.
STREAM="http://127.0.0.1:$PAGE/api/v1/stream?channel=samples/%23"
if { timeout 30 curl -sN -H "Authorization: Bearer $TOKEN" "$STREAM" || true; } | grep -qm1 '^event: sample'; then
  FIRST=$(awk -v from="$BEGAN" -v to="${EPOCHREALTIME/,/.}" 'BEGIN {
    s = to - from; if (s < 100) printf "after %.1f s", s; else printf "after %.1f min", s / 60 }')
else
  FIRST="not within 30 s; see $WORK/fogsim.log"
fi

cat <<C

  Fogline demo is running. First live value: $FIRST.

  Page         http://127.0.0.1:$PAGE/
  Passphrase   $PASSPHRASE
  Live values  curl -N -H 'Authorization: Bearer $TOKEN' '$STREAM'

  Devices talk to  mqtt://127.0.0.1:$DEVICES   (try: mosquitto_pub -p $DEVICES -t garden/north/soil_moisture -m 37)
  The cloud is     mqtt://127.0.0.1:$CLOUD   (see: mosquitto_sub -p $CLOUD -t 'fogline/#' -v)
  Logs and state   $WORK

  Faults and inputs of the devices are switches on the page under Simulator.
  After a minute the door of freezer-3 is left open: watch the alarm. At four the cloud is cut off. Ctrl-C stops everything.
C
if [ "$SECONDS_LEFT" -gt 0 ]; then
  sleep "$SECONDS_LEFT" & wait $!
  exit 0
fi
wait -n "${PIDS[@]}" || true
echo 'demo: one of the programs ended by itself; the last lines of the gateway:' >&2
tail -5 "$WORK/gateway.log" >&2
exit 1
