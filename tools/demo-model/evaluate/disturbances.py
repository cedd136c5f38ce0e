"""What can happen to speech on its way, for evaluation: plain numpy, apart from what training uses."""
from __future__ import annotations

from random import Random
from typing import Callable

import numpy as np

from speech.clips import RATE, resample, through_opus
from speech.noise import coloured, music

Disturb = Callable[[np.ndarray, Random], np.ndarray]


def level(x: np.ndarray, peak: float = 0.8) -> np.ndarray:
    return (x / (np.abs(x).max() + 1e-9) * peak * 32767).astype(np.int16)


def add(x: np.ndarray, noise: np.ndarray, decibel: float) -> np.ndarray:
    """`noise` that many dB under the speech."""
    x = x.astype(np.float64)
    noise = noise[: len(x)] / noise[: len(x)].std()
    return level(x + noise * x[np.abs(x) > 300].std() * 10 ** (-decibel / 20))


def band(x: np.ndarray, low: float, high: float) -> np.ndarray:
    spectrum = np.fft.rfft(x.astype(np.float64))
    hertz = np.fft.rfftfreq(len(x), 1 / RATE)
    return level(np.fft.irfft(spectrum * (hertz > low) * (hertz < high), len(x)))


def echoes(x: np.ndarray, r: Random, seconds: float) -> np.ndarray:
    g = np.random.default_rng(r.getrandbits(32))
    t = np.arange(int(seconds * RATE)) / RATE
    response = g.standard_normal(len(t)) * np.exp(-6.9 * t / seconds) * 0.05
    response[0] = 1
    size = len(x) + len(t)
    return level(np.fft.irfft(np.fft.rfft(x.astype(np.float64), size) * np.fft.rfft(response, size), size)[: len(x)])


def noise_of(x: np.ndarray, r: Random, power: float) -> np.ndarray:
    return coloured(len(x), power, np.random.default_rng(r.getrandbits(32)))


DISTURBANCES: dict[str, Disturb] = {
    "at 8 kHz": lambda x, r: resample(resample(x, RATE, 8000), 8000, RATE)[: len(x)].astype(np.int16),
    "300 to 3400 Hz": lambda x, r: band(x, 300, 3400),
    "at 3 % of the level": lambda x, r: level(x, 0.03),
    "15 dB noise": lambda x, r: add(x, noise_of(x, r, 0.4), 15),
    "music 10 dB below": lambda x, r: add(x, music(len(x), r, np.random.default_rng(r.getrandbits(32))), 10),
    "0.85 of the speed": lambda x, r: resample(x, 17, 20).astype(np.int16),
    "a room, RT60 0.35 s": lambda x, r: echoes(x, r, 0.35),
    "Opus at about 16 kb/s": lambda x, r: through_opus(x, 0.975),
}


def padded(x: np.ndarray, before: float, after: float, r: Random) -> np.ndarray:
    """With silence around, which has a little noise as every microphone has."""
    total = np.zeros(len(x) + int((before + after) * RATE))
    start = int(before * RATE)
    total[start: start + len(x)] = x
    g = np.random.default_rng(r.getrandbits(32))
    return (total + g.standard_normal(len(total)) * 3).clip(-32768, 32767).astype(np.int16)
