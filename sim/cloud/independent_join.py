"""Joins ledger.jsonl and far-cloud.jsonl of a folder, written apart from the checker to judge it."""
import collections, json, sys

lines = lambda name: [json.loads(text) for text in open(f"{sys.argv[1]}/{name}")]
ledger, seen, count = lines("ledger.jsonl"), set(), collections.Counter()
device = {e["dev"]: e for e in ledger if e["k"] == "device"}
acked = {e["id"] for e in ledger if e["k"] == "acked"}
sent = [e for e in ledger if e["k"] == "sent"]
order = {identity: n for n, identity in enumerate(dict.fromkeys(e["id"] for e in sent))}
key = lambda e, dev, time: (dev, e["pt"], time if device[dev]["timed"] else None)
open_readings, known = collections.defaultdict(list), collections.defaultdict(list)
for e in sent:
    known[key(e, e["dev"], e["src"])].append(e)
    open_readings[key(e, e["dev"], e["src"])].append(e)
latest, odd = {}, []
for far in lines("far-cloud.jsonl"):
    if (far["gw"], far["seq"]) in seen:
        count["duplicate"] += 1
        continue
    seen.add((far["gw"], far["seq"]))
    place = key(far, far["dev"], far["ts"])
    same = [e for e in open_readings[place] if e["v"] == far["v"]]
    if not same:
        count["twice" if any(e["v"] == far["v"] for e in known[place]) else "corrupt"] += 1
        same = [e for e in open_readings[place] if all(k["v"] != far["v"] for k in known[place])]
        if not same:
            continue
    open_readings[place].remove(same[0])
    line = (far["dev"], far.get("hist", False))
    if order[same[0]["id"]] < latest.get(line, 0):
        count["reordered"] += 1
    latest[line] = max(latest.get(line, 0), order[same[0]["id"]])
for e in (e for rest in open_readings.values() for e in rest):
    count["lost" if e["id"] in acked else "silent"] += 1
print(*(f"{k}={count[k]}" for k in "lost silent duplicate twice reordered corrupt".split()), "")
