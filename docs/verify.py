"""Checks evidence that tawny made, without tawny: verify.py FOLDER FINGERPRINT. Needs Python 3.11 and cryptography."""

import json
import re
import sys
from datetime import UTC, datetime
from functools import partial
from hashlib import file_digest, sha256
from itertools import pairwise
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Public


def must(holds, problem):
    return holds or sys.exit(f"WRONG: {problem}.")


def check(key, what, message, signature, problem):
    try:
        Public.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), b"tawny.sign/1 " + what + message)
    except (InvalidSignature, ValueError):
        sys.exit(f"WRONG: {problem}.")


def lines_of(path):
    return path.read_bytes().split(b"\n")[:-1]  # without a last one that a power cut tore


def signed(line, key, what, prev, problem):
    signature = (said := json.loads(line)).pop("sig")
    again = json.dumps(said | {"sig": signature.lower()}, **PLAIN).encode()  # else it could be read in two ways
    must(again == line and said["v"] == 1 and said.get("prev", "") == prev, problem)
    return check(key, what, json.dumps(said, **PLAIN).encode(), signature, problem) or said


utc = partial(datetime.fromtimestamp, tz=UTC)
PLAIN = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
SOUND, IMAGES = "wav|m4a|mp3|ogg|opus|aac|flac", "jpe?g|png|gif|webp|heic|bmp|tiff?"
VIDEO = "mp4|m4v|mov|mkv|avi|ts|webm|tws|mpe?g|3gp|wmv|flv|mts|m2ts|vob|h26[45]"
FILMS = re.compile(rf".*(/|\.({VIDEO}|{IMAGES}|{SOUND}))[ .]*", re.IGNORECASE | re.DOTALL)
OTHERS = re.compile(r"README\.txt|chain-(days|[\d-]+)\.(jsonl|list)|\d+\.proof\.json|clip(-\d+)?\.mp4")
OWN = {"@eaDir/", "@Recycle/", "$RECYCLE.BIN/", "System Volume Information/", "lost+found/", "__pycache__/"}  # harmless
folder, key, prev = Path(sys.argv[1]), sys.argv[2], ""
days, keys, items, clocks, shown, times, live = [], {}, [], [], set(), [], []
there = {one.name + "/" * (one.is_dir() or one.is_symlink()) for one in folder.glob("[!.]*")}
must("manifest.json" in there, "no manifest.json")
manifest = json.loads(claimed := (folder / "manifest.json").read_bytes())
more = [one for one in there - {*manifest["files"]} - OWN if FILMS.fullmatch(one)]
must(not more, f"added: {more}")
for name, said in manifest["files"].items():
    must(name in there, f"{name} is missing")
    with (folder / name).open("rb") as file:
        must(file_digest(file, "sha256").hexdigest() == said["sha256"], f"{name} was changed")
for line in lines_of(folder / "chain-days.jsonl"):  # signed with the key that the one before names
    days.append(signed(line, key, b"day\0", prev, "the chain of days has no beginning, is broken, or another's"))
    must(len(days) == 1 or days[-1]["day"] > days[-2]["day"], "the chain of days goes back")
    key, prev = days[-1]["next"], sha256(line).hexdigest()
for day, end in zip(days, [*(day["last"] for day in days[1:]), ""], strict=False):
    chain, key, prev, now = folder / f"chain-{day['day']}", day["key"], day["last"], day["day"]
    if f"{chain.name}.jsonl" in manifest["files"]:  # else no film touches this day
        lists = {sha256(line).hexdigest(): json.loads(line) for line in lines_of(Path(f"{chain}.list"))}
        for line in lines_of(Path(f"{chain}.jsonl")):
            one = signed(line, key, b"statement\0", prev, f"the chain of statements of {day['day']} is broken")
            at, clock = (datetime.fromisoformat(one.get(of, one["time"])).astimezone(UTC) for of in ("time", "clock"))
            must(one["list"] in lists and now <= str(at) < f"{day['day']}~", f"lists of {now[:10]} are missing, or old")
            items += [(*item, len(clocks)) for item in lists[one["list"]]]
            turned = sum(item[2] - item[1] for item in lists[one["list"]] if item[0] == "clock") / 1000
            clocks.append((at.timestamp(), said := clock.timestamp(), said - turned, lists[one["list"]]))
            keys[one["n"]], keys[one["n"] + 1], prev, now = key, (key := one["next"]), sha256(line).hexdigest(), str(at)
        must(end in ("", prev), f"statements at the end of {day['day']} are missing")
left_out = {day["day"] for day in days if f"chain-{day['day']}.jsonl" not in manifest["files"]}
signed(claimed, keys.get(manifest["statement"], ""), b"export\0", "", "the manifest is not signed by this recorder")
names = [name.removesuffix(".proof.json") for name in manifest["files"] if name.endswith(".proof.json")]
must(names and "" < manifest["from"] < manifest["to"], "it contains no recording, or is of no time")
begin, end = (datetime.fromisoformat(manifest[name]).timestamp() for name in ("from", "to"))
films = {"redacted.mp4"} if (is_redacted := "redacted_of" in manifest) else {f"{name}.mp4" for name in names}
others = [name for name in manifest["files"] if name not in films and not OTHERS.fullmatch(name)]
must(not others, f"nothing proves {others}")
names.sort(key=lambda name: json.loads((folder / f"{name}.proof.json").read_bytes())["header"][144:160])  # by start
for name in names:
    proof, at, own = json.loads((folder / f"{name}.proof.json").read_bytes()), 0, []
    header, film = bytes.fromhex(proof["header"]), b"" if is_redacted else (folder / f"{name}.mp4").read_bytes()
    start_s = int.from_bytes(header[72:80]) / 1000
    digest = sha256(b"tawny.file/1" + header + bytes.fromhex("".join(proof["records"])))
    for entry in (records := [bytes.fromhex(record) for record in proof["records"]]):
        size, seq = int.from_bytes(entry[1:4], "big"), int.from_bytes(entry[4:8], "big")
        if 0x10 <= entry[0] <= 0x13:  # a fragment; those of even types begin with a keyframe
            own.append((seq, start_s + int.from_bytes(entry[8:12]) / 1000, entry[0] % 2 == 0))
        if seq in proof["shown"]:
            leaf = sha256(b"tawny.leaf/1" + bytes.fromhex(proof["leaf_key"]) + entry[:12])
            leaf.update(film[at : (at := at + size)])
            must(leaf.digest() == entry[12:], f"{name}: fragment {seq} is not what was recorded")
    must(at == len(film), f"{name}: something was added to the film, or taken from it")
    camera, number = (header[32:48].hex(), *header[9:11]), int.from_bytes(header[64:72], "big")
    said = [item for item in items if item[:5] == ("file", *camera, number)] or [(0,) * 8]
    must(len(said) == 1 and said[0][5] == digest.hexdigest(), f"{name}: the statements say otherwise, or nothing of it")
    long_s = max(int.from_bytes(one[8:12]) for one in records) / 1000
    must((camera, number) not in shown, f"{name} is there twice")
    shown.add((camera, number))
    end_s, since, made = start_s + long_s, start_s + min(long_s + 60, 660), clocks[said[0][-1]]
    must(start_s <= end + 60 and end_s >= begin - 60, f"{name} is from {utc(start_s)}, not of the folder's time")
    times += [start_s, end_s] * is_redacted
    if not is_redacted:  # a film is one part of its recording, without cuts in the time of the folder
        places = [at for at, one in enumerate(own) if one[0] in proof["shown"]]
        must(places, f"{name}: nothing of it is shown")
        before, run, after = own[: places[0]], own[places[0] : places[-1] + 1], own[places[-1] + 1 :]
        must({1, *(one[0] for one in run)} == {*proof["shown"]}, f"{name}: seconds in the middle of it are left out")
        times += [run[0][1] if before else start_s, after[0][1] if after else end_s]
        cut = (run[0][1] > begin + 2 and any(one[2] for one in before)) or (after and after[0][1] < end - 2)
        must(not cut or name in (names[0], names[-1]), f"{name}: a part of it is left out")
    in_time = -5 <= made[0] - end_s <= 1200  # else by its own word, for a time that no earlier statement has signed
    passed = [at for at in made[1:3] for one in clocks[: said[0][-1]] if min(at, since) < one[1] <= at + 1200]
    fits = [at for at in made[1:3] if at - end_s >= -5 and at not in passed]
    is_live = not header[11] & 2  # else filled in later, from the camera's card
    late = f"stated {(made[0] - end_s) / 60:.0f} min after it ended"
    must(not is_live or (long_s <= 660 and (in_time or fits)), f"{name}: too long, or {late}")
    live += [(camera, start_s, end_s, said[0][-1], name, in_time)] * is_live
    if is_live and not in_time:
        until = min(*fits, since)
        for then, one in pairwise(clocks[: said[0][-1]]):  # a list of minutes without a gap leaves no time for it
            has_gap = ["gap", camera[0]] in [item[:2] for item in one[3]]
            streams = [item[3] for item in one[3] if item[:3] == ["file", *camera[:2]] and not has_gap]
            wholes = [n for each in {*streams} if 0 < 60 * (n := streams.count(each) - 1) <= one[1] - then[1]]
            is_full = any(start_s < then[1] + 45 * whole for whole in wholes)
            must(not start_s < one[1] <= until or not is_full, f"{name}: {late}, of a time signed before")
        first, last = (str(utc(at))[:10] for at in (until, made[0]))
        must(not any(first <= day <= last for day in left_out), f"statements from {first} to {last} are missing")
        print(f"To know: {name} was signed {(min(fits) - end_s) / 60:.0f} min after it ended: the recorder was off,")
        print("or its clock changed. Only its order is proven.")
    if proof["signature"] and proof["statement"] >= min(keys):
        check(keys[proof["statement"]], b"file\0", digest.digest(), proof["signature"], f"{name}: its signature fails")
for of, start_s, end_s, at, name, in_time in live:
    before = [one for one in live if one[0] == of and one[3] < at and one[1] < end_s - 60 and start_s < one[2] - 60]
    must(in_time or not before, f"{name}: stated late, of a time signed before")
numbers = {number for of, number in shown if of == camera}
for number in sorted({*range(min(numbers), max(numbers))} - numbers):
    said = [item[0] for item in items if item[1:4] == camera and item[4] <= number and number in item[4:6]]
    print(f"To know: recording {number} is not shown. What the recorder stated of it: {', '.join(said) or 'nothing'}.")
for gap in [item for item in items if item[:2] == ("gap", camera[0])]:
    from_s, to_s = gap[2] / 1000, gap[3] / 1000
    if from_s < max(times) and to_s > min(times):
        print(f"To know: nothing was recorded for {to_s - from_s:.0f} s from {utc(from_s)}: {gap[4]}.")
if clips := [name for name in manifest["files"] if name.startswith("clip")]:
    print(f"To know: only tawny verify compares {', '.join(clips)} with the recordings. This program does not.")
print("REDACTED:" if is_redacted else "It holds:", ascii(manifest["camera"])[1:-1], utc(begin), utc(end))
print(f"The recordings are from {utc(min(times))} to {utc(max(times))}. Nothing proves the name of the camera.")
