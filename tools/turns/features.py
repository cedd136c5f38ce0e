"""The front end of audio/endpoint: what the network sees of each 512 samples (32 ms). Its Go twin is features.go there.

A row is, at 16 kHz and zero before the first sample: two log-mel spectra of 32 bands (512 samples each, 256 apart, the
second up to the end of the step) and 24 values of a pitch spectrum: the normalised autocorrelation of the last 64 ms
at the lags of 60 to 400 Hz, the largest value of each of 24 bands.
"""
from __future__ import annotations

import numpy as np

RATE = 16000
STEP = 512
WINDOW, HOP = 512, 256
BANDS, LOW, HIGH = 32, 60.0, 7600.0
FLOOR = 0.01
PITCHES, SHORTEST, LONGEST = 24, 20, 133  # lags at 8 kHz: 400 and 60 Hz
LAGS = LONGEST - SHORTEST + 1
SPAN = 512 - LONGEST - 1  # products of one lag
WIDTH = 2 * BANDS + PITCHES
QUIET = 1e-5  # added to the energy of a span, so that silence has no pitch


def mel(hz):
    return 2595 * np.log10(1 + hz / 700)


def bank() -> np.ndarray:
    """Triangles that are even on the mel scale, [BANDS, 257]."""
    edges = 700 * (10 ** (np.linspace(mel(LOW), mel(HIGH), BANDS + 2) / 2595) - 1)
    hz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)))


def pitch_bands() -> list[tuple[int, int]]:
    """First and last lag of each band, high pitch first."""
    edges = SHORTEST * (LONGEST / SHORTEST) ** (np.arange(PITCHES + 1) / PITCHES)
    return [(int(np.floor(a + 1e-9)), int(np.ceil(b - 1e-9))) for a, b in zip(edges, edges[1:])]


HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
BANK = bank()
PITCH_BANDS = pitch_bands()


def spectra(x: np.ndarray, steps: int) -> np.ndarray:
    """[2*steps, BANDS]; x has 512 zeros before the first sample."""
    at = 256 + HOP * np.arange(2 * steps)
    frames = x[at[:, None] + np.arange(WINDOW)] * HANN
    return np.log(np.abs(np.fft.rfft(frames)) @ BANK.T + FLOOR)


def pitches(x: np.ndarray, steps: int) -> np.ndarray:
    """[steps, PITCHES]; x has 512 zeros before the first sample."""
    low = (x[0::2] + x[1::2]) / 2  # 8 kHz
    frames = low[256 * np.arange(steps)[:, None] + np.arange(512)]
    head = frames[:, :SPAN]
    size = 1024
    cross = np.fft.irfft(np.conj(np.fft.rfft(head, size)) * np.fft.rfft(frames, size), size)[:, SHORTEST: LONGEST + 1]
    power = np.concatenate([np.zeros((steps, 1)), np.cumsum(frames ** 2, 1)], 1)
    energy = power[:, SPAN + SHORTEST: SPAN + LONGEST + 1] - power[:, SHORTEST: LONGEST + 1]
    r = cross / np.sqrt((energy + QUIET) * (power[:, SPAN: SPAN + 1] + QUIET))
    return np.stack([r[:, a - SHORTEST: b - SHORTEST + 1].max(1) for a, b in PITCH_BANDS], 1)


def rows(samples: np.ndarray) -> np.ndarray:
    """Rows of a clip in [-1, 1], [samples/512, 88] float32; a part of a step at the end is left out."""
    steps = len(samples) // STEP
    x = np.concatenate([np.zeros(STEP), samples[: steps * STEP].astype(np.float64)])
    mels = (spectra(x, steps) if steps else np.zeros((0, BANDS))).reshape(steps, 2 * BANDS)
    return np.concatenate([mels, pitches(x, steps)], 1).astype(np.float32)
