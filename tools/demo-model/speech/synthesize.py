"""Speak texts: `python -m speech.synthesize ASSETS OUT --engine kokoro --minutes 30`.

Writes shards of clips, OUT/clips_ENGINE_SEED_K.npz, until the time or the number of clips is reached. Questions that
are asked often are spoken more often. Sentences and voices kept for evaluation are only used with --held.
"""
from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from random import Random
from typing import Callable

import numpy as np

import splits

from .clips import Clip, disturbed, save, tidy
from .engines import Espeak, Flite, Kokoro, Piper
from .noise import noise

SHORT = 0.16  # share of what is said alone
SENTENCES = 60_000  # of the made-up ones


class Texts:
    """Draws what is to be spoken."""

    def __init__(self, assets: Path, held: bool):
        texts = json.loads((assets / "texts.json").read_text())
        self.questions = texts["held_questions"] if held else texts["questions"]
        self.sentences = texts["held_sentences"] if held else texts["sentences"][:SENTENCES]
        self.short = [] if held else texts["short"]

    def draw(self, r: Random, share: float, power: float) -> str:
        """A question with probability `share`, else a sentence; the larger `power`, the more often frequent ones."""
        if self.short and r.random() < SHORT:  # numbers stand first
            return self.short[int(len(self.short) * r.random() ** 1.5)]
        if r.random() < share:
            return self.questions[int(len(self.questions) * r.random() ** power)]
        return r.choice(self.sentences)


def speaker(engine: str, assets: Path, texts: Texts, held: bool, device: str = "cpu") -> Callable[[Random], Clip | None]:
    """A function that makes one clip, or None if it came out wrong."""
    if engine == "noise":
        return lambda r: noise(r, np.random.default_rng(r.getrandbits(32)))
    if engine in ("espeak", "flite"):
        talk = {"espeak": Espeak, "flite": Flite}[engine](assets)

        def small(r: Random) -> Clip | None:
            text = texts.draw(r, 0.4, 1.4)
            samples, rate, voice = talk.say(text, r)
            samples = tidy(samples, rate)
            return None if samples is None else Clip(disturbed(samples, r), text, voice)
        return small

    phonemes = json.loads((assets / "phonemes.json").read_text())
    talk = Kokoro(assets, device) if engine == "kokoro" else Piper(assets)
    if held and engine == "kokoro":
        talk.english, talk.all = splits.HELD_KOKORO, [None]

    def neural(r: Random) -> Clip | None:
        text = texts.draw(r, 0.4, 1.4)
        if text not in phonemes:
            return None
        samples, rate, voice = talk.say(phonemes[text], r)
        samples = tidy(samples, rate)
        return None if samples is None else Clip(samples if held else disturbed(samples, r), text, voice)
    return neural


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--engine", required=True, choices=["espeak", "flite", "kokoro", "piper", "noise"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--clips", type=int, default=10**9)
    parser.add_argument("--shard", type=int, default=200, help="clips in a file")
    parser.add_argument("--device", default="cpu", help="for kokoro: cuda speaks several times as fast, with the package onnx")
    parser.add_argument("--held", action="store_true", help="for evaluation: kept voices, sentences and wordings")
    args = parser.parse_args()
    r = Random(f"{args.engine} {args.seed} {args.held}")
    make = speaker(args.engine, args.assets, Texts(args.assets, args.held), args.held, args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    name = f"{'held' if args.held else 'clips'}_{args.engine}_{args.seed}"
    end, made, waiting, shards = time.time() + 60 * args.minutes, 0, [], 0
    while True:
        over = made >= args.clips or time.time() > end
        if len(waiting) >= args.shard or over and waiting:
            save(args.out / f"{name}_{shards}.npz", waiting)
            waiting, shards = [], shards + 1
        if over:
            break
        clip = make(r)
        if clip is not None:
            waiting.append(clip)
            made += 1
    print(f"{args.engine}: {made} clips in {shards} files")


if __name__ == "__main__":
    main()
