"""Sounds that are not speech: noises of all colours, fans, hum, clicks, music, near silence."""
from __future__ import annotations

from random import Random

import numpy as np

from .clips import RATE, Clip


def coloured(n: int, power: float, g: np.random.Generator) -> np.ndarray:
    """Noise whose spectrum falls with frequency to the `power`."""
    spectrum = np.fft.rfft(g.standard_normal(n))
    return np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 30.0) ** power, n)


def fan(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    """A laptop or projector: low noise and the tones of its blades."""
    t = np.arange(n) / RATE
    x = coloured(n, r.uniform(0.6, 1.2), g)
    x /= np.abs(x).max()
    base = r.uniform(80, 400)
    for k in range(1, r.randint(2, 7)):
        x += r.uniform(0.02, 0.25) / k * np.sin(2 * np.pi * base * k * t + r.uniform(0, 6))
    return x * (1 + r.uniform(0, 0.3) * np.sin(2 * np.pi * r.uniform(0.3, 4) * t))


def music(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    """Chords, a tune and a beat."""
    t = np.arange(n) / RATE
    x, beat = np.zeros(n), r.uniform(0.25, 0.7)
    root = r.uniform(80, 330)
    scale = [0, 2, 4, 5, 7, 9, 11, 12] if r.random() < 0.6 else [0, 2, 3, 5, 7, 8, 10, 12]
    partials = [r.random() ** 2 for _ in range(6)]
    for k in range(int(n / RATE / beat) + 1):
        on = int(k * beat * RATE)
        d = t[: max(0, n - on)]
        envelope = np.exp(-d * r.uniform(1, 6))
        for _ in range(r.choice([1, 1, 3])):
            f = root * 2 ** (r.choice(scale) / 12) * r.choice([1, 1, 2])
            x[on:] += envelope * sum(p * np.sin(2 * np.pi * f * (i + 1) * d) for i, p in enumerate(partials))
        if r.random() < 0.7:
            hit = min(1500, n - on)
            x[on: on + hit] += 2 * g.standard_normal(hit) * np.exp(-np.arange(hit) / r.uniform(80, 500))
    return x


def clicks(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    """Typing, a knock, things put down."""
    x = 0.01 * g.standard_normal(n)
    for _ in range(r.randint(1, 25)):
        at, length = r.randrange(n), r.randint(50, 3000)
        burst = g.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
        x[at: at + length] += r.uniform(0.2, 1) * burst[: n - at]
    return x


def tone(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    """A tone that rises or falls."""
    t = np.arange(n) / RATE
    return np.sin(2 * np.pi * r.uniform(50, 2000) * t * (1 + r.random() * t / t[-1])) + 0.1 * g.standard_normal(n)


def hiss(n: int, r: Random, g: np.random.Generator) -> np.ndarray:
    return coloured(n, r.uniform(0, 1.5), g)


KINDS = {hiss: 3, fan: 3, music: 3, clicks: 2, tone: 1}


def noise(r: Random, g: np.random.Generator) -> Clip:
    """A clip of half a second to six seconds."""
    kind = r.choices(list(KINDS), list(KINDS.values()))[0]
    x = kind(r.randint(RATE // 2, 6 * RATE), r, g)
    return Clip((x / (np.abs(x).max() + 1e-9) * 20000).astype(np.int16), "", "noise:" + kind.__name__)
