"""Choose the patience of session/turn: `python -m tune WORK` makes clips of the voices kept for choosing (data.HELD_OUT), lets
judge hear them, and prints what different settings would give. Nothing of the evaluation is looked at.
"""
from __future__ import annotations

import argparse
import itertools
import json
import shutil
from pathlib import Path
from random import Random

import numpy as np

import scene
import speak
from cases import AFTER, BEFORE, CONDITIONS, PAUSE, disturb, write
from compare import Count, judged
from data import HELD_OUT
from rival import ends


def clips(work: Path) -> list[dict]:
    folder, index = work / "choosing", []
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in sorted((work / "spoken").glob("kokoro_*.npz")):
        for s in speak.load(path) if ".part" not in path.name else []:
            if s.voice not in HELD_OUT:
                continue
            r = Random(f"choosing {len(index)}")
            laid = scene.lay(s.pieces, [r.uniform(*PAUSE) for _ in s.pieces[1:]], BEFORE, AFTER)
            disturb(laid, CONDITIONS[len(index) % len(CONDITIONS)], r, np.random.default_rng(r.getrandbits(32)))
            write(folder / f"{len(index):03}.wav", laid.samples)
            index.append({"file": f"{len(index):03}.wav", "starts": laid.starts, "ends": laid.ends})
    return index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    index = clips(args.work)
    told = judged(args.work / "choosing", index)
    (args.work / "choosing/told.json").write_text(json.dumps({"index": index, "told": told}))
    for silence in (0.3, 0.5, 0.8):
        count = Count()
        for turn, v in zip(index, told):
            count.add(turn, ends(v["speech"], lambda i, first, so_far: silence))
        print(f"silence of {silence} s: {', '.join(count.row()[1:])}")
    for most in (2, 4, 8):
        print(f"longest {most} s, {len(index)} turns: least, sure: cut off, false ends, delay: median, 9 of 10, mean")
        for least, sure in itertools.product((0.15, 0.2, 0.25, 0.3, 0.35, 0.4), (0.6, 0.7, 0.8, 0.9)):
            count = Count()
            for turn, v in zip(index, told):
                def needed(i, first, so_far):
                    return least * (most / least) ** max(1 - v["finished"][i] / sure, 0)
                count.add(turn, ends(v["speech"], needed))
            print(f"{least:5} {sure:5}: {', '.join(count.row()[1:])}")


if __name__ == "__main__":
    main()
