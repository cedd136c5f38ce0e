"""Who speaks in the evaluation: Kokoro voices that training never heard, and recorded people."""
from __future__ import annotations

import gzip
import hashlib
import re
import wave
from pathlib import Path
from random import Random

import numpy as np

import splits
from speech.clips import RATE, resample, tidy
from speech.engines import Kokoro
from speech.phonemes import phonemes_of


class HeldVoices:
    """Says any text in the voices kept for evaluation, one after another. What was said is kept in `folder`."""

    def __init__(self, assets: Path, folder: Path):
        self.assets, self.folder, self.kokoro, self.turn = assets, folder, Kokoro(assets), 0
        folder.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> tuple[np.ndarray, str]:
        """Samples at 16 kHz, and who said it."""
        voice = splits.HELD_KOKORO[self.turn % len(splits.HELD_KOKORO)]
        self.turn += 1
        kept = self.folder / (hashlib.sha256(f"{voice} {text}".encode()).hexdigest()[:24] + ".npy")
        if kept.exists():
            return np.load(kept), "kokoro " + voice
        ipa = phonemes_of(self.assets, [text])[text]
        samples = tidy(self.kokoro.speak(ipa[voice[0] == "b"], voice), Kokoro.RATE)
        if samples is None:
            raise ValueError(f"{voice} says nothing for {text!r}")
        np.save(kept, samples)
        return samples, "kokoro " + voice


NUMBER = re.compile(r"digits/(\d+|h-\d+|hundred|thousand|million)\.wav$")


def recorded(work: Path) -> list[tuple[str, Path]]:
    """Text and file of Debian's Asterisk prompts, spoken by a person at 8 kHz."""
    base = work / "sources/debian"
    listing = next((base / "asterisk-core-sounds-en").rglob("core-sounds-en.txt*"))
    opened = gzip.open if listing.suffix == ".gz" else open
    texts = {}
    with opened(listing, "rt", encoding="utf-8", errors="replace") as f:
        for line in f:
            name, _, text = line.partition(":")
            if text.strip() and not line.startswith(";"):
                texts[name.strip()] = text.strip()
    out = []
    for path in sorted((base / splits.HELD_SPEECH[0]).rglob("*.wav")):
        at = path.parts
        name = "/".join(at[at.index("en_US_f_Allison") + 1:]) if "en_US_f_Allison" in at else path.name
        text = texts.get(name.removesuffix(".wav"), texts.get(path.stem))
        if text and re.fullmatch(r"[A-Za-z' ,.?!;-]+", text):
            out.append((text, path))
    return out


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as w:
        x = np.frombuffer(w.readframes(w.getnframes()), np.int16)
        return resample(x, w.getframerate(), RATE).clip(-32768, 32767).astype(np.int16)


def choose(r: Random, prompts: list[tuple[str, Path]], n: int, numbers: bool) -> list[tuple[str, Path]]:
    """`n` prompts: numbers only, or everything else of up to nine words."""
    fits = [(t, p) for t, p in prompts if bool(NUMBER.search(p.as_posix())) == numbers and len(t.split()) <= 9]
    return r.sample(fits, min(n, len(fits)))
