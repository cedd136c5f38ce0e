"""Spoken pieces become clips: pauses between them, silence around, rooms, noises, music, coughs, telephones, levels."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo-model"))

from speech.clips import RATE, resample
from speech.noise import clicks, coloured, fan, music

TAIL = int(0.04 * RATE)  # what speak leaves behind the last loud frame of a piece


@dataclass
class Scene:
    samples: np.ndarray  # float32, in [-1, 1]
    starts: list[int]  # first sample of each piece
    ends: list[int]  # one past the last loud sample of each piece


def seconds(t: float) -> int:
    return int(t * RATE)


def lay(pieces: list[np.ndarray], pauses: list[float], before: float, after: float) -> Scene:
    """The pieces with pauses, in seconds, between the last loud sample of one and the first of the next."""
    parts, starts, ends, at = [np.zeros(seconds(before), np.float32)], [], [], seconds(before)
    for piece, pause in zip(pieces, [*pauses, after]):
        x = piece.astype(np.float32) / 32768
        starts.append(at)
        ends.append(at + len(x) - TAIL)
        rest = max(0, seconds(pause) - TAIL)
        parts += [x, np.zeros(rest, np.float32)]
        at += len(x) + rest
    return Scene(np.concatenate(parts), starts, ends)


def faster(pieces: list[np.ndarray], speed: float) -> list[np.ndarray]:
    """Speed and pitch together."""
    source = round(100 * speed)
    return pieces if source == 100 else [resample(p, source, 100).clip(-32768, 32767).astype(np.int16) for p in pieces]


def spoken_level(x: np.ndarray) -> float:
    return float(np.sqrt((x[np.abs(x) > 0.01] ** 2).mean())) if (np.abs(x) > 0.01).any() else 0.1


def add(scene: Scene, noise: np.ndarray, decibel: float) -> None:
    """`noise` over all of the clip, that many dB below the speech."""
    noise = noise[: len(scene.samples)]
    scene.samples += (noise / (noise.std() + 1e-9) * spoken_level(scene.samples) * 10 ** (-decibel / 20)).astype(np.float32)


def cough(r: Random, g: np.random.Generator) -> np.ndarray:
    """One to three bursts of throaty noise."""
    parts = []
    for _ in range(r.randint(1, 3)):
        n = seconds(r.uniform(0.12, 0.3))
        t = np.arange(n) / n
        spectrum = np.fft.rfft(g.standard_normal(n))
        hz = np.fft.rfftfreq(n, 1 / RATE)
        shape = sum(np.exp(-((hz - f) / (0.25 * f)) ** 2) for f in (r.uniform(400, 700), r.uniform(1000, 1600), r.uniform(2300, 3200)))
        burst = np.fft.irfft(spectrum * (shape + 0.05), n) * np.minimum(1, t * 20) * (1 - t) ** 1.5
        parts += [burst / np.abs(burst).max(), np.zeros(seconds(r.uniform(0.05, 0.15)))]
    return np.concatenate(parts).astype(np.float32)


def put(scene: Scene, sound: np.ndarray, at: int, peak: float) -> None:
    """A short sound at a sample."""
    room = scene.samples[at: at + len(sound)]
    room += (sound[: len(room)] / (np.abs(sound).max() + 1e-9) * peak).astype(np.float32)


def room(scene: Scene, g: np.random.Generator, reverberation: float) -> None:
    """An exponential tail that falls by 60 dB in so many seconds."""
    t = np.arange(seconds(reverberation)) / RATE
    response = g.standard_normal(len(t)) * np.exp(-6.9 * t / reverberation) * 0.05
    response[0] = 1
    size = 1 << (len(scene.samples) + len(t)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(scene.samples, size) * np.fft.rfft(response, size), size)[: len(scene.samples)]
    scene.samples = (wet / max(1.0, np.abs(wet).max() / 0.9)).astype(np.float32)


def band(scene: Scene, low: float, high: float) -> None:
    """A telephone."""
    size = 1 << len(scene.samples).bit_length()
    hz = np.fft.rfftfreq(size, 1 / RATE)
    spectrum = np.fft.rfft(scene.samples, size) * ((hz > low) & (hz < high))
    scene.samples = np.fft.irfft(spectrum, size)[: len(scene.samples)].astype(np.float32)


def finish(scene: Scene, g: np.random.Generator, peak: float, floor: float) -> None:
    """The level of the speech, and the noise of a microphone."""
    scene.samples *= peak / (np.abs(scene.samples).max() + 1e-9)
    scene.samples += (g.standard_normal(len(scene.samples)) * floor).astype(np.float32)
    np.clip(scene.samples, -1, 1, out=scene.samples)


def background(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    kind = r.choice(["hiss", "fan", "clicks"])
    if kind == "hiss":
        return coloured(n, r.uniform(0, 1.5), g)
    return fan(n, r, g) if kind == "fan" else clicks(n, r, g)


def training(pieces: list[np.ndarray], r: Random) -> Scene:
    """A clip with random pauses and disturbances."""
    g = np.random.default_rng(r.getrandbits(32))
    pieces = faster(pieces, r.choice([1, 1, r.uniform(0.84, 1.2)]))
    pauses = [r.uniform(0.2, 2.4) for _ in pieces[1:]]
    scene = lay(pieces, pauses, r.choice([0.1, 0.3, r.uniform(0, 1.5)]), r.uniform(0.8, 2.6))
    if r.random() < 0.35:
        room(scene, g, r.uniform(0.08, 0.6))
    if r.random() < 0.2:
        band(scene, r.uniform(50, 320), r.uniform(3200, 4000))
    if r.random() < 0.12:  # a cough or a knock in a pause
        i = r.randrange(len(scene.ends))
        put(scene, cough(r, g), scene.ends[i] + seconds(r.uniform(0.1, 0.8)), r.uniform(0.1, 0.7))
    p = r.random()
    if p < 0.4:
        add(scene, background(len(scene.samples), r, g), r.uniform(8, 35))
    elif p < 0.55:
        add(scene, music(len(scene.samples), r, g), r.uniform(8, 25))
    finish(scene, g, 10 ** r.uniform(-1.6, -0.05), 10 ** r.uniform(-4.7, -2.8))
    return scene
