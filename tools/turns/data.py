"""Rows and labels for training: `python -m data SPOKEN OUT --pass 0` makes one clip of each spoken turn, disturbed anew
in every pass. Rows are kept as 16-bit floats.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from random import Random

import numpy as np

import features
import scene
import speak

HELD_OUT = {"kokoro:bm_fable", "kokoro:am_onyx", "kokoro:af_sky", "kokoro:af_nicole"}  # for choosing, not for training
FROM, TO = 0.09, 2.5  # seconds behind the end of a piece that count
SECOND = features.RATE / features.STEP  # rows


def labels(s: scene.Scene, rows: int, hard: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each row 1 if the turn is over there, 0 if it goes on, -1 where nobody asks; and rows since the end."""
    target, since = np.full(rows, -1, np.int8), np.zeros(rows, np.int16)
    for i, end in enumerate(s.ends):
        until = s.starts[i + 1] if i + 1 < len(s.ends) else len(s.samples)
        a = int(np.ceil((end + FROM * features.RATE) / features.STEP))
        b = int(min(until, end + TO * features.RATE) // features.STEP)
        target[a:b] = i + 1 == len(s.ends) and not hard
        since[a:b] = np.arange(b - a) + round(FROM * SECOND)
    return target, since


def cut(pieces: list[np.ndarray], r: Random) -> list[np.ndarray]:
    """The turn broken off somewhere in its last piece."""
    *first, last = pieces
    n = int(len(last) * r.uniform(0.25, 0.8))
    if n < 4000:
        return pieces
    x = last[:n].astype(np.float32)
    fade = r.randint(160, 960)
    x[-fade:] *= np.linspace(1, 0, fade)
    return [*first, np.concatenate([x, np.zeros(scene.TAIL)]).astype(np.int16)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spoken", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pass", dest="number", type=int, default=0)
    parser.add_argument("--only", default="", help="the shards of one engine")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(args.spoken.glob(f"{args.only}*.npz")):
        target = args.out / f"{path.stem}_{args.number}.npz"
        if ".part" in path.name or target.exists():
            continue
        r = Random(f"{path.stem} {args.number}")
        rows, want, since, count, names = [], [], [], [], []
        for s in speak.load(path):
            pieces, hard = s.pieces, False
            if r.random() < 0.06:
                pieces = cut(pieces, r)
                hard = pieces is not s.pieces
            clip = scene.training(pieces, r)
            x = features.rows(clip.samples)
            t, n = labels(clip, len(x), hard)
            rows.append(x.astype(np.float16))
            want.append(t)
            since.append(n)
            count.append(len(x))
            names.append(f"{s.voice}|{s.kind}")
        part = target.with_suffix(".part.npz")
        np.savez(part, rows=np.concatenate(rows), target=np.concatenate(want), since=np.concatenate(since), count=count,
                 names=np.array(names))
        part.rename(target)


if __name__ == "__main__":
    main()
