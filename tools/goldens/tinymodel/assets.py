"""The sound and the picture that every golden is made with."""
from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np


def make_waveform() -> np.ndarray:
    """1.3125 s of int16 audio at 16 kHz: rising tone, silence, noise, two tones."""
    n = 21_000
    t = np.arange(n) / 16_000
    rng = np.random.default_rng(7)
    x = np.zeros(n)
    x[:7000] = 0.4 * np.sin(2 * np.pi * (200 * t[:7000] + 1500 * t[:7000] ** 2)) * np.hanning(7000)
    x[9000:13000] = 0.1 * rng.standard_normal(4000)
    x[13000:] = 0.25 * np.sin(2 * np.pi * 440 * t[13000:]) + 0.2 * np.sin(2 * np.pi * 2793 * t[13000:])
    return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)


def make_image() -> np.ndarray:
    """A 144x96 RGB test picture: gradients, a disc, stripes and some texture."""
    y, x = np.mgrid[0:96, 0:144]
    img = np.stack([x * 255 / 143, y * 255 / 95, (x + y) * 255 / 238], -1)
    img[(x - 40) ** 2 + (y - 45) ** 2 < 22**2] = (240, 30, 60)
    img[(x > 85) & (x < 130) & ((y // 6) % 2 == 0)] = (20, 200, 90)
    img += np.random.default_rng(3).integers(-12, 13, img.shape)
    return np.clip(np.round(img), 0, 255).astype(np.uint8)


def target_size(height: int, width: int, soft_tokens: int) -> tuple[int, int]:
    """Height and width that the processor resizes a picture to."""
    f = math.sqrt(9 * soft_tokens * 256 / (height * width))
    return int(f * height // 48) * 48, int(f * width // 48) * 48


def write_assets(folder: Path, soft_tokens: int) -> tuple:
    """Returns the samples as float32 and the resized picture."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    samples = make_waveform()
    with wave.open(str(folder / "test.wav"), "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(16_000)
        w.writeframes(samples.tobytes())
    image = Image.fromarray(make_image())
    image.save(folder / "test.png")
    height, width = target_size(image.height, image.width, soft_tokens)
    resized = image.resize((width, height), Image.BICUBIC)
    return samples.astype(np.float32) / 32768.0, resized

