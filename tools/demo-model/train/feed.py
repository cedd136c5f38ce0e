"""Producers beside the trainer: painters that never stop, synthesisers, and the unpacking of clips made before.

`python -m train.feed ASSETS FOLDER --painters 8 --small 4 --packs DIR` runs until it is ended.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np

from pictures.paint import Materials, Painter, patches
from pictures.scene import Scenes
from speech import clips

from .bank import PATCHES, write_pictures

SHARD = 100
WAITING = 12  # shards a painter leaves unread before it pauses


def paint(assets: Path, folder: Path, seed: int) -> None:
    """Draw pictures until the parent is gone."""
    os.nice(5)
    parent = os.getppid()
    r = Random(seed)
    materials = Materials.load(assets)
    scenes = Scenes(materials.names, json.loads((assets / "texts.json").read_text())["picture_words"], drill=True)
    painter, k = Painter(materials, r, restyle=True), 0
    while os.getppid() == parent:
        if len(list(folder.glob(f"{seed}_*.pictures"))) > WAITING:
            time.sleep(0.2)
            continue
        stack, grids, drawn = np.zeros((SHARD, PATCHES, 768), np.uint8), [], []
        for i in range(SHARD):
            scene = scenes(r)
            image = painter.paint(scene)
            p = patches(image)
            stack[i, : len(p)] = p
            grids.append((image.width // 16, image.height // 16))
            drawn.append(scene)
        write_pictures(folder / f"{seed}_{k}.pictures", stack, grids, drawn)
        k += 1


def unpack(pack: Path, folder: Path) -> None:
    """Clips of a pack as shards. A tenth comes out a second time, disturbed."""
    r, shard, k = Random(pack.name), [], 0
    for clip in clips.unpack(pack):
        shard.append(clip)
        if r.random() < 0.1:
            shard.append(clips.Clip(clips.disturbed(clip.samples, r), clip.text, clip.voice))
        if len(shard) >= 400:
            clips.save(folder / f"{pack.stem}_{k}.npz", shard)
            shard, k = [], k + 1
    if shard:
        clips.save(folder / f"{pack.stem}_{k}.npz", shard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packs", type=Path, help="folder of clips made before (speech.pack)")
    parser.add_argument("--painters", type=int, default=8)
    parser.add_argument("--small", type=int, default=4, help="processes for espeak-ng and flite")
    parser.add_argument("--espeak", type=int, default=4000, help="clips of each of them")
    parser.add_argument("--flite", type=int, default=2000)
    parser.add_argument("--noise", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    children = []
    fork = multiprocessing.get_context("fork")
    for i in range(args.painters):
        children.append(fork.Process(target=paint, args=(args.assets, args.folder, args.seed * 100 + i), daemon=True))
    packs = sorted({p.with_suffix("") for p in args.packs.glob("*.ogg")}) if args.packs else []
    children += [fork.Process(target=unpack, args=(pack, args.folder), daemon=True) for pack in packs]
    for child in children:
        child.start()
    small = [("espeak", args.espeak), ("flite", args.flite)]
    jobs = [("noise", args.noise)] + small * args.small
    running = []
    for i, (engine, count) in enumerate(jobs):
        if count:
            running.append(subprocess.Popen([
                sys.executable, "-m", "speech.synthesize", str(args.assets), str(args.folder), "--engine", engine,
                "--clips", str(count), "--seed", str(args.seed * 100 + i), "--shard", "400"]))
        while sum(p.poll() is None for p in running) >= max(1, args.small):
            time.sleep(0.2)
    for p in running:
        p.wait()
    print("all clips are made", flush=True)
    for child in children:
        child.join()


if __name__ == "__main__":
    main()
