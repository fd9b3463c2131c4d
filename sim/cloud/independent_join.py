"""Joins ledger.jsonl and far-cloud.jsonl of a folder, written apart from the checker to judge it."""
import collections, difflib, json, sys

lines = lambda name: [json.loads(text) for text in open(f"{sys.argv[1]}/{name}")]
ledger, first, count = lines("ledger.jsonl"), {}, collections.Counter()
timed = {e["dev"]: e["timed"] for e in ledger if e["k"] == "device"}
acked = {e["id"] for e in ledger if e["k"] == "acked"}
sent, far = collections.defaultdict(list), collections.defaultdict(list)
rank, arrivals = {}, []
for e in (e for e in ledger if e["k"] == "sent"):
    rank.setdefault(e["id"], len(rank))
    sent[e["dev"], e["pt"]].append((e["v"], e["src"], e["id"]))
for e in lines("far-cloud.jsonl"):
    count["duplicate"] += (e["gw"], e["seq"]) in first
    if first.setdefault((e["gw"], e["seq"]), e) is e:
        far[e["dev"], e["pt"]].append(e)
        arrivals.append(e)
for (dev, pt), readings in sent.items():
    records = sorted(far[dev, pt], key=lambda e: e["seq"])
    ours = [(v, src if timed[dev] else "") for v, src, _ in readings]
    theirs = [(e["v"], e["ts"] if timed[dev] else "") for e in records]
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    pairs = {b.b + n: b.a + n for b in blocks for n in range(b.size)}
    missing = [n for n in range(len(ours)) if n not in pairs.values()]
    for place in (n for n in range(len(theirs)) if n not in pairs):
        changed = [n for n in missing if ours[n][1] == theirs[place][1]]
        count["corrupt" if changed else "twice"] += 1
        if changed:
            pairs[place] = changed[0]
            missing.remove(changed[0])
    count.update("lost" if readings[n][2] in acked else "silent" for n in missing)
    for place, n in pairs.items():
        records[place]["rank"] = rank[readings[n][2]]
latest = collections.Counter()
for e in (e for e in arrivals if "rank" in e):
    line = e["dev"], e.get("hist", False)
    count["reordered"] += e["rank"] < latest[line]
    latest[line] = max(latest[line], e["rank"])
print(*(f"{k}={count[k]}" for k in "lost silent duplicate twice reordered corrupt".split()), "")
