"""Clips: 16 kHz, mono, 16 bit, with the text that is spoken. How they are cut, disturbed, stored and packed."""
from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Iterable, Iterator

import numpy as np

RATE = 16000
LONGEST = 9.0  # seconds


@dataclass
class Clip:
    samples: np.ndarray  # int16
    text: str  # "" for noise
    voice: str  # "engine:voice", "noise:kind"


def resample(x: np.ndarray, source: int, target: int) -> np.ndarray:
    """Polyphase windowed sinc."""
    if source == target:
        return x.astype(np.float32)
    g = math.gcd(source, target)
    up, down = target // g, source // g
    widest = max(up, down)
    half = 10 * widest
    t = np.arange(-half, half + 1)
    taps = np.sinc(t / widest) * np.kaiser(2 * half + 1, 6.0) * (up / widest)
    positions = np.arange(int(len(x) * up / down)) * down
    out = np.zeros(len(positions), np.float32)
    first = -(-(positions - half) // up)
    padded = np.concatenate([np.zeros(half, np.float32), x.astype(np.float32), np.zeros(half + 1, np.float32)])
    for k in range(2 * half // up + 1):  # the k-th input sample under the window of every output sample
        i = first + k
        d = positions - i * up + half
        ok = (d >= 0) & (d <= 2 * half)
        out += np.where(ok, taps[np.clip(d, 0, 2 * half)], 0).astype(np.float32) * padded[np.clip(i + half, 0, len(padded) - 1)]
    return out


def tidy(x: np.ndarray, rate: int) -> np.ndarray | None:
    """Full level at 16 kHz without the silence around; None if nothing or too much is left."""
    x = x.astype(np.float32)
    x = resample(x / (np.abs(x).max() + 1e-6), rate, RATE)
    loud = np.flatnonzero(np.abs(x) > 0.012)
    if len(loud) < 800:
        return None
    x = x[max(0, loud[0] - 600): loud[-1] + 900]
    return (x / np.abs(x).max() * 26000).astype(np.int16) if len(x) < RATE * LONGEST else None


def restarted(x: np.ndarray, r: Random) -> np.ndarray:
    """A false start: the first part of a word, a pause, and then everything."""
    cut = int(r.uniform(0.15, 0.5) * RATE)
    pause = np.zeros(int(r.uniform(0.08, 0.4) * RATE), np.int16)
    start = x[:cut].astype(np.float32)
    start[-400:] *= np.linspace(1, 0, 400)
    return np.concatenate([start.astype(np.int16), pause, x]) if len(x) > 2 * cut else x


def through_opus(x: np.ndarray, level: float) -> np.ndarray:
    """Coded and decoded again; `level` 0.9 to 0.99 is about 32 to 12 kb/s."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, x, RATE, format="OGG", subtype="OPUS", compression_level=level)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="int16")[0][: len(x)]


def disturbed(x: np.ndarray, r: Random) -> np.ndarray:
    """What can happen to a clip before training adds rooms and noise: false starts, a voice codec."""
    if r.random() < 0.08:
        x = restarted(x, r)
    if r.random() < 0.15:
        x = through_opus(x, r.uniform(0.9, 0.99))
    return x


def save(path: Path, clips: list[Clip]) -> None:
    """One shard of clips, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, pcm=np.concatenate([c.samples for c in clips]), n=np.array([len(c.samples) for c in clips]),
             text=np.array([c.text for c in clips]), voice=np.array([c.voice for c in clips]))
    part.rename(path)


def load(path: Path) -> Iterator[Clip]:
    with np.load(path) as z:
        pcm, at = z["pcm"], 0
        for n, text, voice in zip(z["n"], z["text"], z["voice"]):
            yield Clip(pcm[at: at + n], str(text), str(voice))
            at += n


def pack(path: Path, clips: Iterable[Clip]) -> int:
    """path.ogg and path.json: many clips in one Opus stream, a twelfth of the size. Returns how many."""
    import soundfile

    clips = list(clips)
    samples = np.concatenate([c.samples for c in clips])
    with soundfile.SoundFile(path.with_suffix(".ogg"), "w", RATE, 1, format="OGG", subtype="OPUS", compression_level=0.92) as f:
        for at in range(0, len(samples), RATE * 60):  # in one piece it needs too much stack
            f.write(samples[at: at + RATE * 60])
    path.with_suffix(".json").write_text(json.dumps([(len(c.samples), c.text, c.voice) for c in clips]))
    return len(clips)


def unpack(path: Path) -> Iterator[Clip]:
    """The clips of pack(path)."""
    import soundfile

    samples, _ = soundfile.read(path.with_suffix(".ogg"), dtype="int16")
    at = 0
    for n, text, voice in json.loads(path.with_suffix(".json").read_text()):
        if text is not None:  # None: left out by splits
            yield Clip(samples[at: at + n], text, voice)
        at += n
