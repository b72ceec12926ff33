"""The arithmetic of domain/price/score.rs with numpy's whole columns: the baseline of `make bench BENCH=score`.

Usage: score_numpy.py DIR ROUNDS. Reads the columns and figures that the bench wrote, writes the choices to DIR/chosen, and prints the
median CPU seconds of a round and of the argmin in it.
"""
import json
import sys
import time

import numpy as np

folder, rounds = sys.argv[1], int(sys.argv[2])
size, objects, read, gets, puts, quiet, idle, held, at_column = (
    np.fromfile(f"{folder}/{name}", dtype="<f8")
    for name in ["size", "objects", "read", "gets", "puts", "quiet", "idle", "held", "at"]
)
at = at_column.astype(np.intp)
rows = np.arange(len(size))
figures = json.load(open(f"{folder}/figures.json"))
places, days, grace = figures["places"], figures["horizon_days"], figures["grace_days"]
count = len(places)
ways = [figures["ways"][i * count:(i + 1) * count] for i in range(count)]
loud = 1.0 - quiet


def ramp(r, volume):
    total = volume * r["first"]
    for start, change in r["bends"]:
        total += change * np.maximum(volume - start, 0.0)
    return total


def egress(p, to, moved, months):
    if to == "Same":
        return 0.0
    if to == "OtherRegion" and p["between_regions_byte"] is not None:
        return p["between_regions_byte"] * moved
    volume = moved / p["unit_bytes"]
    if p["free_times_stored"]:
        volume = np.maximum(volume - size * (p["free_times_stored"] / p["unit_bytes"] * months), 0.0)
    months = max(months, 1.0)
    return ramp(p["internet"], volume / months) * months


def days_idle(start, since):
    begin = np.maximum(start - since, 0.0)
    end = min(float(start), days)
    after = quiet**start * max(days - start, 0.0)
    safe = np.where(loud < 1e-12, 1.0, loud)
    silent = np.where(loud < 1e-12, end - begin, (quiet**begin - quiet**end) / safe)
    return after + np.where(begin < end, silent, 0.0)


def costs():
    matrix = np.empty((count, len(size)))
    holding = np.empty((count, len(size)))
    for k, p in enumerate(places):
        gb = size / p["unit_bytes"]
        storage = ramp(p["storage"], gb)
        hold = storage.copy()
        if p["min_object_bytes"]:
            hold += np.maximum(p["min_object_bytes"] * objects - size, 0.0) * p["own_byte"]
        if p["overhead_bytes"] or p["hot_overhead"]:
            hold += objects * (p["overhead_bytes"] * p["own_byte"] + p["hot_overhead"])
        if p["tiers"]:
            managed = size >= p["tiers_from_bytes"] * objects
            hold += np.where(managed, objects * p["monitoring"], 0.0)
        holding[k] = hold
        total = hold * days
        if p["tiers"]:
            since = np.where(at == k, idle, 0.0)
            warmer = storage
            for start, price in p["tiers"]:
                colder = gb * price
                total += np.where(managed, (colder - warmer) * days_idle(start, since), 0.0)
                warmer = colder
        total += gets * p["get"] + puts * p["put"] + read * p["retrieval_byte"]
        for to, share in (("Internet", p["outside_share"]), ("OtherRegion", p["other_region_share"])):
            if share:
                total += egress(p, to, read * share, days / 30.0)
        matrix[k] = total
    own_holding = holding[at, rows]
    early = np.maximum(np.array([p["min_days"] for p in places])[at] - held, 0.0)
    left = own_holding * early
    kept = own_holding * np.maximum(early, grace)
    out = np.array([p["get"] for p in places])[at] * objects
    out += np.array([p["retrieval_byte"] for p in places])[at] * size
    leaving = {}
    for a, p in enumerate(places):
        for way in ways[a]:
            if way["egress"] != "Same" and (a, way["egress"]) not in leaving:
                leaving[a, way["egress"]] = egress(p, way["egress"], size, 1.0)
    copy_cost = kept + out
    for k, p in enumerate(places):
        write = np.array([ways[a][k]["write"] for a in range(count)])[at] * objects
        copied = np.array([ways[a][k]["copied"] for a in range(count)])[at]
        cost = write + np.where(copied, copy_cost, left)
        for a in range(count):
            if ways[a][k]["copied"] and ways[a][k]["egress"] != "Same":
                cost += np.where(at == a, leaving[a, ways[a][k]["egress"]], 0.0)
        if p["min_days"] > days:
            cost += holding[k] * (p["min_days"] - days)
        matrix[k] += np.where(at == k, 0.0, cost)
    return matrix


whole, last = [], []
for _ in range(rounds):
    began = time.process_time()
    matrix = costs()
    argmin_began = time.process_time()
    chosen = np.argmin(matrix, axis=0)
    ended = time.process_time()
    whole.append(ended - began)
    last.append(ended - argmin_began)
chosen.astype(np.uint8).tofile(f"{folder}/chosen")
print(sorted(whole)[rounds // 2], sorted(last)[rounds // 2])
