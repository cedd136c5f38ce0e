"""The clips of the evaluation: `python -m cases WORK` writes WORK/clips/*.wav and WORK/clips/index.json, always the same.

Speakers, patterns and most words are not those of training: four voices of Kokoro, two of flite, and a recorded person
(Debian's Asterisk prompts).
"""
from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import wave
from pathlib import Path
from random import Random

import numpy as np

import scene
from speak import Speaker, Spoken, gaps, level, load, save, tidy
from texts import Texts

from evaluate.voices import recorded
from speech.noise import coloured, music

SPOKEN = {  # turns of each kind
    "kokoro": {"plain": 32, "phrase": 40, "word": 40, "filler": 25, "list": 15, "restart": 10, "opener": 12, "two": 12},
    "flite": {"plain": 8, "phrase": 10, "word": 10},
}
RECORDED = {"plain": 45, "phrase": 45}
PAUSE = (0.2, 2.0)  # seconds
BEFORE, AFTER = 0.6, 9.0  # longer than the least eager waits
CONDITIONS = ["clean", "clean", "clean", "noise", "music", "cough", "room", "telephone", "quiet", "fan"]


def spoken(assets: Path, folder: Path, engine: str) -> list[Spoken]:
    """The synthesised turns; what was said is kept in `folder`."""
    kept = folder / f"held_{engine}.npz"
    if kept.exists():
        return load(kept)
    r, texts, out = Random(f"held {engine}"), Texts(True), []
    speaker = Speaker(engine, assets, texts, True)
    for kind, count in SPOKEN[engine].items():
        made = 0
        while made < count:
            speaker.waiting = []
            speaker.prepare([texts.draw(r, kind)])
            said = speaker.say(r) if speaker.waiting else None
            if said is not None:
                out.append(said)
                made += 1
    folder.mkdir(parents=True, exist_ok=True)
    save(kept, out)
    return out


# parts of sentences that other prompts complete
FRAGMENT = re.compile(r"^(is|has|have|or|and|to|for|from|of|at|in|on|with|message|followed|other|more|than|new|currently) "
                      r"| (number|extension|currently|is|at|for|of|to|the|with|from)[.:]?$|^(from|to) ", re.IGNORECASE)


def prompts(work: Path) -> list[Spoken]:
    """Recorded sentences as they are, and such with a pause of the speaker's own, where it can be made longer."""
    found: dict[str, list[Spoken]] = {"plain": [], "phrase": []}
    listed = recorded(work)
    Random("prompts").shuffle(listed)
    for text, path in listed:
        said = text.strip()
        if len(said.split()) < 4 or "..." in said or re.search(r"[.?!;] +\S", said) or FRAGMENT.search(said):
            continue
        with wave.open(str(path)) as w:
            x = tidy(np.frombuffer(w.readframes(w.getnframes()), np.int16), w.getframerate())
        if x is None or len(x) > 9 * scene.RATE:
            continue
        cut = gaps(x, [0.5]) if len(said.split()) >= 6 else None
        if cut and len(found["phrase"]) < RECORDED["phrase"]:
            (a, b), = cut
            found["phrase"].append(Spoken(level([x[:a], x[b:]]), "phrase", said, "recorded:allison"))
        elif len(found["plain"]) < RECORDED["plain"]:
            found["plain"].append(Spoken(level([x]), "plain", said, "recorded:allison"))
    return found["plain"] + found["phrase"]


def disturb(s: scene.Scene, condition: str, r: Random, g: np.random.Generator) -> None:
    peak, floor, n = 0.6, 1e-4, len(s.samples)
    if condition == "noise":
        scene.add(s, coloured(n, 0.5, g), 15)
    elif condition == "fan":
        scene.add(s, scene.fan(n, r, g), 15)
    elif condition == "music":
        scene.add(s, music(n, r, g), 14)
    elif condition == "cough":  # in the last pause, or behind the end
        at = s.ends[-2] if len(s.ends) > 1 and r.random() < 0.5 else s.ends[-1]
        scene.put(s, scene.cough(r, g), at + scene.seconds(r.uniform(0.15, 0.5)), 0.4)
    elif condition == "room":
        scene.room(s, g, 0.4)
    elif condition == "telephone":
        scene.band(s, 300, 3400)
    elif condition == "quiet":
        peak, floor = 0.03, 3e-5
    scene.finish(s, g, peak, floor)


def write(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(scene.RATE)
        w.writeframes((samples * 32767).astype("<i2").tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="the folder of tools/demo-model, with assets and sources")
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    turns = [t for e in SPOKEN for t in spoken(args.demo / "assets", args.work / "held", e)] + prompts(args.demo)
    folder = args.work / "clips"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    index = []
    for i, t in enumerate(turns):
        r = Random(f"clip {i}")
        g = np.random.default_rng(r.getrandbits(32))
        condition = CONDITIONS[i % len(CONDITIONS)]
        s = scene.lay(t.pieces, [r.uniform(*PAUSE) for _ in t.pieces[1:]], BEFORE, AFTER)
        disturb(s, condition, r, g)
        write(folder / f"{i:03}.wav", s.samples)
        index.append({"file": f"{i:03}.wav", "kind": t.kind, "condition": condition, "voice": t.voice, "text": t.text,
                      "starts": s.starts, "ends": s.ends})
    (folder / "index.json").write_text(json.dumps(index, indent=1))
    pauses = [b - a for t in index for a, b in zip(t["ends"], t["starts"][1:])]
    print(f"{len(index)} turns, {len(pauses)} pauses inside, {sum(p >= 0.5 * scene.RATE for p in pauses)} of half a second and more")


if __name__ == "__main__":
    main()
