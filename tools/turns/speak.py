"""Speak turns: `python -m speak WORK OUT --engine kokoro --minutes 30` writes shards of spoken turns.

A spoken turn is a list of pieces of sound, 16 kHz, without the pauses between them: how long those are is decided
when a clip is made. Sentences and pieces are spoken in one go, so that the melody goes on over a pause, and are cut
where the synthesiser paused; a fifth of the pieces is spoken one by one.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo-model"))

import splits
from speech.clips import RATE, resample
from speech.engines import Espeak, Flite, Kokoro, Piper
from speech.phonemes import phonemes_of
from texts import Texts, Turn

HELD_FLITE = ["slt", "rms"]
FRAME = RATE // 100


@dataclass
class Spoken:
    pieces: list[np.ndarray]  # int16
    kind: str
    text: str
    voice: str


def loudness(x: np.ndarray) -> np.ndarray:
    """The root mean square of each 10 ms, as a share of the largest."""
    n = len(x) // FRAME
    rms = np.sqrt((x[: n * FRAME].reshape(n, FRAME).astype(np.float64) ** 2).mean(1) + 1e-12)
    return rms / rms.max()


def tidy(x: np.ndarray, rate: int) -> np.ndarray | None:
    """At 16 kHz without the silence around, or None if nothing is left."""
    x = resample(x.astype(np.float32), rate, RATE)
    if len(x) < 10 * FRAME:
        return None
    loud = np.flatnonzero(loudness(x) > 0.015)
    if len(loud) < 8:
        return None
    return x[max(0, loud[0] - 2) * FRAME: (loud[-1] + 5) * FRAME]


def gaps(x: np.ndarray, expected: list[float]) -> list[tuple[int, int]] | None:
    """Where x pauses nearest to each of the expected shares of its length: (end, start) in samples, or None."""
    quiet = loudness(x) < 0.03
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet, [0]])))
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2]) if b - a >= 6 and a > 5 and b < len(quiet) - 5]
    found, after = [], 0
    for share in expected:
        def score(run):  # longer is better, farther off is worse
            return (run[1] - run[0]) - 0.5 * abs(sum(run) / 2 - share * len(quiet))
        fits = [run for run in runs if run[0] >= after and abs(sum(run) / 2 - share * len(quiet)) < 25 + 0.12 * len(quiet)]
        if not fits:
            return None
        best = max(fits, key=score)
        found.append((min(best[0] + 4, best[1]) * FRAME, max(best[1] - 2, best[0]) * FRAME))
        after = best[1]
    return found


def level(pieces: list[np.ndarray]) -> list[np.ndarray]:
    top = max(np.abs(p).max() for p in pieces)
    return [(p / top * 26000).astype(np.int16) for p in pieces]


class Speaker:
    """One engine. Draws turns, says them in random voices."""

    def __init__(self, engine: str, assets: Path, texts: Texts, held: bool):
        self.engine, self.assets, self.texts, self.held = engine, assets, texts, held
        self.talk = {"kokoro": Kokoro, "piper": Piper, "espeak": Espeak, "flite": Flite}[engine](assets)
        if engine == "kokoro" and held:
            self.talk.english = splits.HELD_KOKORO
        if engine == "flite":
            self.talk.VOICES = HELD_FLITE if held else [v for v in Flite.VOICES if v not in HELD_FLITE]
        if engine == "espeak" and held:
            self.talk.variants = splits.HELD_ESPEAK
        self.waiting: list[tuple[Turn, list]] = []

    def next(self, r: Random) -> tuple[Turn, list]:
        """A turn and its pieces as the engine reads them."""
        if not self.waiting:
            self.prepare([self.texts.draw(r) for _ in range(100)])
        return self.waiting.pop()

    def prepare(self, turns: list[Turn]) -> None:
        """Pieces as the engine reads them: text, or phonemes of both kinds of English."""
        if self.engine in ("espeak", "flite"):
            self.waiting = [(t, t.pieces) for t in turns]
        else:
            said = phonemes_of(self.assets, sorted({p for t in turns for p in t.pieces}))
            self.waiting = [(t, [said[p] for p in t.pieces]) for t in turns if all(p in said for p in t.pieces)]

    def voice(self, r: Random):
        """A function that says a piece in one voice, and its name."""
        talk = self.talk
        if self.engine == "kokoro":
            voice, seed = r.choice(talk.english), r.getrandbits(32)
            speed = r.choice([0.8, 1.0, 1.0, 1.25]) if self.held else r.uniform(0.75, 1.3)

            def speak(ipa):  # in training by somebody made up around the voice
                sound = talk.speak(ipa[voice[0] == "b"], voice, speed, None if self.held else Random(seed))
                return sound, talk.RATE
            return speak, f"kokoro:{voice}"
        seed = r.getrandbits(32)  # the same draw every time: the same voice

        def say(piece):
            samples, rate, name = talk.say(piece, Random(seed))
            return samples, rate
        return say, self.engine

    def say(self, r: Random) -> Spoken | None:
        """One turn, or None if its pauses cannot be found."""
        turn, read = self.next(r)
        say, name = self.voice(r)
        text = " | ".join(turn.pieces)
        phonemes = not isinstance(read[0], str)
        if len(read) == 1 or r.random() < 0.2:
            pieces = []
            for i, piece in enumerate(read):
                mark = turn.marks[i] if i < len(turn.marks) and r.random() < 0.7 else ""
                pieces.append(tidy(*say(tuple(p + mark for p in piece) if phonemes else piece + mark)))
            return None if any(p is None for p in pieces) else Spoken(level(pieces), turn.kind, text, name)
        marks = [m + " " for m in turn.marks] + [""]
        lengths = np.cumsum([len(p[0] if phonemes else p) + 3 for p in read]) - 3
        if phonemes:
            whole = tuple("".join(p[k] + m for p, m in zip(read, marks)) for k in (0, 1))
        else:
            whole = "".join(p + m for p, m in zip(read, marks))
        x = tidy(*say(whole))
        found = None if x is None else gaps(x, list(lengths[:-1] / lengths[-1]))
        if found is None:
            return None
        cuts = [0, *[at for gap in found for at in gap], len(x)]
        pieces = [x[a:b] for a, b in zip(cuts[::2], cuts[1::2])]
        return None if any(len(p) < 10 * FRAME for p in pieces) else Spoken(level(pieces), turn.kind, text, name)


def save(path: Path, spoken: list[Spoken]) -> None:
    """One shard, whole or not at all."""
    part = path.with_suffix(".part.npz")
    index = [([len(p) for p in s.pieces], s.kind, s.text, s.voice) for s in spoken]
    np.savez(part, pcm=np.concatenate([p for s in spoken for p in s.pieces]), index=np.array(json.dumps(index)))
    part.rename(path)


def load(path: Path) -> list[Spoken]:
    with np.load(path) as z:
        pcm, at, out = z["pcm"], 0, []
        for lengths, kind, text, voice in json.loads(str(z["index"])):
            cuts = at + np.cumsum([0, *lengths])
            out.append(Spoken([pcm[a:b] for a, b in zip(cuts, cuts[1:])], kind, text, voice))
            at = cuts[-1]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assets", type=Path, help="those of tools/demo-model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--engine", required=True, choices=["kokoro", "piper", "espeak", "flite"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--turns", type=int, default=10**9)
    args = parser.parse_args()
    r = Random(f"{args.engine} {args.seed}")
    more = json.loads((args.assets / "texts.json").read_text())["questions"]
    speaker = Speaker(args.engine, args.assets, Texts(False, r.sample(more, 400)), False)
    args.out.mkdir(parents=True, exist_ok=True)
    end, made, tried, waiting, shards = time.time() + 60 * args.minutes, 0, 0, [], 0
    while made < args.turns and time.time() < end:
        tried += 1
        spoken = speaker.say(r)
        if spoken is not None:
            waiting.append(spoken)
            made += 1
        if len(waiting) == 50:
            save(args.out / f"{args.engine}_{args.seed}_{shards}.npz", waiting)
            waiting, shards = [], shards + 1
    if waiting:
        save(args.out / f"{args.engine}_{args.seed}_{shards}.npz", waiting)
    print(f"{args.engine}: {made} turns of {tried}")


if __name__ == "__main__":
    main()
