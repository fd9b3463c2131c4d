"""Joins ledger.jsonl and far-cloud.jsonl of a folder, written apart from the checker to judge it."""
import collections, difflib, json, sys

FIGURES = ("sent acked arrived lost silent pending unheard unsent odd duplicate repeated twice "
           "reordered corrupt foreign events plain")
lines = lambda name: [json.loads(text) for text in open(f"{sys.argv[1]}/{name}")]
ledger, count = lines("ledger.jsonl"), collections.Counter()
device = {e["dev"]: e for e in ledger if e["k"] == "device"}
there = {e.get("as", name): name for name, e in device.items()}  # by the gateway's name
acked = {e["id"] for e in ledger if e["k"] == "acked"}
again = {e["id"] for e in ledger if e["k"] == "resent"}
count["unsent"] = sum(e["k"] == "unsent" for e in ledger)
sent, rank = collections.defaultdict(dict), {}  # readings of a point by id, in their order
for e in (e for e in ledger if e["k"] == "sent"):
    rank.setdefault(e["id"], len(rank))
    if e["id"] in sent[e["dev"], e["pt"]]:
        again.add(e["id"])
    sent[e["dev"], e["pt"]].setdefault(e["id"], e)

far, first, arrivals = collections.defaultdict(list), {}, []
for e in (e for e in lines("far-cloud.jsonl") if e["k"] == "far"):
    same = first.setdefault((e["gw"], e["seq"]), e)
    if same is not e:
        equal = all(same.get(key) == e.get(key) for key in ("pt", "ts", "v"))
        count["duplicate" if equal else "corrupt"] += 1
        continue
    count["plain"] += "alarm" not in e
    address = there.get(e.get("dev")), e.get("pt")
    if "alarm" in e or "ev" in e or "pt" not in e or "v" not in e:
        count["events"] += 1
    elif address not in sent:
        count["foreign"] += 1
    else:
        far[address].append(e)
        arrivals.append(e)


def join(timed, readings, records):
    """Reading by record; and the records nothing was left for."""
    key = lambda value, time: (value, time if timed else "")
    heard = [e for e in readings if e.get("heard", True)]
    ours = [key(e["v"], e["src"]) for e in heard]
    theirs = [key(e["v"], e["ts"]) for e in records]
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    pairs = {b.b + n: heard[b.a + n] for b in blocks for n in range(b.size)}
    for place in (n for n in range(len(records)) if n not in pairs):
        taken = [e["id"] for e in pairs.values()]
        free = [e for e in readings if e["id"] not in taken]
        same = [e for e in free if key(e["v"], e["src"]) == theirs[place]]
        twins = [e for e in readings if key(e["v"], e["src"]) == theirs[place]]
        repeat = any(e["id"] in again for e in twins)
        changed = [e for e in free if e["src"] == records[place]["ts"]] if timed else free
        if same:
            pairs[place] = same[0]
        elif twins and (timed or repeat or not changed):
            count["repeated" if repeat else "twice"] += 1
        elif changed:
            pairs[place] = changed[0]
            count["corrupt"] += not changed[0].get("odd", False)
        else:
            count["corrupt"] += 1
    return pairs


for (dev, pt), by_id in sent.items():
    readings = list(by_id.values())
    records = sorted(far[dev, pt], key=lambda e: e["seq"])
    pairs = join(device[dev]["timed"], readings, records)
    found = {e["id"] for e in pairs.values()}
    count.update(sent=len(readings), arrived=len(found), odd=sum(e.get("odd", False) for e in readings),
                 acked=sum(e["id"] in acked for e in readings))
    for e in (e for e in readings if e["id"] not in found and not e.get("odd", False)):
        count["lost" if e["id"] in acked else "unheard" if not e.get("heard", True)
              else "silent" if device[dev]["level"] == "C" else "pending"] += 1
    for place, reading in pairs.items():
        records[place]["rank"] = rank[reading["id"]]
latest = collections.Counter()
for e in (e for e in arrivals if "rank" in e):
    line = e["dev"], e.get("hist", False)
    count["reordered"] += e["rank"] < latest[line]
    latest[line] = max(latest[line], e["rank"])
print(*(f"{name}={count[name]}" for name in FIGURES.split()), "")
