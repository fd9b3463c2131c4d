#!/usr/bin/env python3
"""Checks every #include against the layer table of ARCHITECTURE.md; the longest matching folder wins.

Tests (`*_test.cpp`) and fuzz targets may also use tests/support and whatever they test with.
"""
import pathlib
import re
import sys

text = pathlib.Path("ARCHITECTURE.md").read_text()
rows = re.search(r"<!-- layers -->\n(.*?)<!-- /layers -->", text, re.S)[1].splitlines()
allowed = {f.strip(): uses.split() for f, uses in (row.split(":") for row in rows if ":" in row)}
part = re.compile(
    r"(drivers/mqtt/dialects|drivers|rules/operators|cloud-uplink/sinks|firmware/push/transports)/(\w+)/"
)
# Folders that look like components and are shared by them.
SHARED = {("drivers", "framing"), ("drivers", "proto"), ("drivers", "link")}


def layer(path):
    return max((f for f in allowed if path.startswith(f + "/")), key=len, default=None)


def component(path):
    found = part.match(path)
    return found if found and (found[1], found[2]) not in SHARED else None


bad = []
for top in sorted({f.split("/")[0] for f in allowed}):
    for file in sorted(pathlib.Path(top).rglob("*.[ch]pp")):
        here, mine = layer(str(file)), component(str(file))
        if not here:
            bad.append(f"{file}: in no layer of ARCHITECTURE.md")
            continue
        is_test = file.stem.endswith(("_test", "_fuzz"))
        for number, line in enumerate(file.read_text().splitlines(), 1):
            seen = re.match(r'#include "(.+)"', line)
            if not seen:
                continue
            there, other = layer(seen[1]), component(seen[1])
            ok = not there or "*" in allowed[here] or there in allowed[here] or there == here
            ok = ok or (is_test and there == "tests")
            sibling = mine and other and mine[1] == other[1] and mine[2] != other[2]
            if not ok or sibling:
                bad.append(f"{file}:{number}: {here} may not include {seen[1]}")
sys.exit("\n".join(bad) or 0)
