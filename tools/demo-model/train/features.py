"""From stored clips and pictures to what the towers take, on the training device, with rooms, noise and light."""
from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F

RATE = 16000
FLOOR = -4.0  # log mel of a masked stretch


def filter_bank(device) -> torch.Tensor:
    """(257, 128) mel filters as in the released E2B."""
    from transformers.audio_utils import mel_filter_bank

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the lowest filters are empty, as in the release
        bank = mel_filter_bank(num_frequency_bins=257, num_mel_filters=128, min_frequency=0.0, max_frequency=8000.0,
                               sampling_rate=RATE, norm=None, mel_scale="htk")
    return torch.tensor(bank, dtype=torch.float32, device=device)


class Mel:
    """Log mel frames, 10 ms apart, as Gemma4AudioFeatureExtractor makes them."""

    def __init__(self, device):
        self.bank = filter_bank(device)
        self.window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(320, device=device) / 320)

    def __call__(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, samples), (N) -> (N, frames, 128), which frames are real."""
        frames = F.pad(x, (160, 0)).unfold(1, 321, 160)[..., :-1] * self.window
        mel = torch.log(torch.fft.rfft(frames, n=512).abs() @ self.bank + 1e-3)
        real = torch.arange(mel.shape[1], device=x.device)[None] * 160 + 160 < lengths[:, None]
        return mel, real


def frame_count(samples: int) -> int:
    return 0 if samples < 161 else (samples - 161) // 160 + 1


def token_count(samples: int) -> int:
    """Soft tokens of a clip."""
    return ((frame_count(samples) + 1) // 2 + 1) // 2


@dataclass
class Dice:
    """Random numbers on the device."""

    device: torch.device
    generator: torch.Generator

    def __call__(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, device=self.device, generator=self.generator)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.device, generator=self.generator)

    def often(self, n: int, p: float) -> torch.Tensor:
        """(n, 1) of 0 and 1."""
        return (self(n, 1) < p).float()


def decibel(x: torch.Tensor) -> torch.Tensor:
    return 10 ** (x / 20)


def room(d: Dice, x: torch.Tensor) -> torch.Tensor:
    """Equaliser, telephone band and echoes, all as one filter."""
    n, samples = x.shape
    size = 1 << (samples + 9600 - 1).bit_length()
    spectrum = torch.fft.rfft(x, n=size)
    hertz = torch.linspace(0, RATE / 2, spectrum.shape[1], device=x.device)
    curve = F.interpolate(d(n, 1, 12, low=-1.6, high=1.6), size=spectrum.shape[1], mode="linear", align_corners=True)[:, 0]
    narrow_high, narrow_low = d.often(n, 0.3), d.often(n, 0.3)
    high = narrow_high * d(n, 1, low=2800, high=7300) + (1 - narrow_high) * 9000
    low = narrow_low * d(n, 1, low=60, high=360)
    spectrum = spectrum * torch.exp(curve * d.often(n, 0.6)) * torch.sigmoid((high - hertz) / 80)
    spectrum = spectrum * torch.sigmoid((hertz - low) / 30 + 3)
    decay = d(n, 1, low=0.03, high=0.55)  # seconds to fall by 60 dB
    seconds = torch.arange(9600, device=x.device) / RATE
    echo = d.normal(n, 9600) * torch.exp(-seconds * 6.9 / decay) * (d(n, 9600) < 0.25)
    echo = echo * d(n, 1, low=0.02, high=0.12) * d.often(n, 0.5)
    echo[:, 0] = 1
    return torch.fft.irfft(spectrum * torch.fft.rfft(echo, n=size), n=size)[:, :samples]


def coloured_noise(d: Dice, n: int, samples: int) -> torch.Tensor:
    """Noise of unit power that falls with frequency."""
    size = 1 << (samples - 1).bit_length()
    spectrum = torch.fft.rfft(d.normal(n, size))
    slope = d(n, 1, high=1.1)
    x = torch.fft.irfft(spectrum / (torch.arange(spectrum.shape[1], device=d.device) + 30.0) ** slope, n=size)[:, :samples]
    return x / x.std(1, keepdim=True)


def telephone(d: Dice, x: torch.Tensor) -> torch.Tensor:
    """Some of the clips as a telephone network delivers them: nothing above 4 kHz, noise included, in mu-law steps."""
    n, samples = x.shape
    on = d.often(n, 0.3)
    spectrum = torch.fft.rfft(x, n=1 << (samples - 1).bit_length())
    hertz = torch.linspace(0, RATE / 2, spectrum.shape[1], device=x.device)
    y = torch.fft.irfft(spectrum * torch.sigmoid((d(n, 1, low=3200, high=3950) - hertz) / 25))[:, :samples]
    steps = torch.round(torch.log1p(255 * y.abs().clamp(max=1)) / math.log(256) * 127) / 127
    coded = torch.sign(y) * (256**steps - 1) / 255
    y = torch.where(d.often(n, 0.5) > 0, coded, y)
    return torch.where(on > 0, y, x)


def disturb(d: Dice, x: torch.Tensor, lengths: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
    """x (N, samples) in -1..1, silent clips included; `other`: sounds of the same shape to mix in."""
    n, samples = x.shape
    y = room(d, x)
    y = y / (y.abs().amax(1, keepdim=True) + 1e-4)
    loud = y.abs() > 0.01
    power = ((y * loud) ** 2).sum(1, keepdim=True) / loud.sum(1, keepdim=True).clamp(min=1)
    power = power.sqrt().clamp(min=0.05)  # of the speech alone; silence gets noise too
    y = y + coloured_noise(d, n, samples) * power * decibel(-d(n, 1, low=8, high=48)) * d.often(n, 0.75)
    if other is not None:
        other = other / (other.std(1, keepdim=True) + 1e-4)
        y = y + other * power * decibel(-d(n, 1, low=6, high=26)) * d.often(n, 0.35)
    babble = y.roll(1, 0).roll(3000, 1)
    y = y + babble * decibel(-d(n, 1, low=14, high=30)) * d.often(n, 0.12)
    y = y / (y.abs().amax(1, keepdim=True) + 1e-2) * decibel(-d(n, 1, high=34))
    y = telephone(d, y + d.normal(n, samples) * decibel(-d(n, 1, low=55, high=95)))
    inside = torch.arange(samples, device=x.device)[None] < lengths[:, None]
    return torch.where(inside, y.clamp(-1, 1), 0.0)


def warp(d: Dice, mel: torch.Tensor) -> torch.Tensor:
    """Longer and shorter throats: the bins are stretched."""
    n, frames, bins = mel.shape
    change = d.often(n, 0.6)
    stretch = change * d(n, 1, low=0.84, high=1.16) + (1 - change)
    at = (torch.arange(bins, device=mel.device)[None] * stretch).clamp(max=bins - 1.01)
    below, part = at.floor().long(), (at - at.floor())[:, None]
    pick = lambda i: mel.gather(2, i[:, None].expand(n, frames, bins))
    return pick(below) * (1 - part) + pick(below + 1) * part


def mask_some(d: Dice, mel: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Two bands and two moments are taken away."""
    n, frames, bins = mel.shape
    bin_at, frame_at = torch.arange(bins, device=mel.device)[None], torch.arange(frames, device=mel.device)[None]
    for _ in range(2):
        start, width = d(n, 1, high=bins), d(n, 1, high=18)
        mel = mel.masked_fill(((bin_at >= start) & (bin_at < start + width))[:, None], FLOOR)
        start, width = d(n, 1) * real.sum(1, keepdim=True), d(n, 1, high=14)
        mel = mel.masked_fill(((frame_at >= start) & (frame_at < start + width))[:, :, None], FLOOR)
    return mel


def picture_light(d: Dice, pixels: torch.Tensor) -> torch.Tensor:
    """Contrast, brightness, tint and grain; pixels (M, patches, 768) in 0..1."""
    m, n, _ = pixels.shape
    q = pixels.view(m, n, 256, 3)
    q = (q - 0.5) * d(m, 1, 1, 1, low=0.75, high=1.2) + 0.5
    q = q + d(m, 1, 1, 1, low=-0.12, high=0.12) + d(m, 1, 1, 3, low=-0.05, high=0.05)
    q = q + d.normal(*q.shape) * 0.03 * d(m, 1, 1, 1)
    return q.clamp(0, 1).view(m, n, 768)
