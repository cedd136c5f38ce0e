"""A batch of numbers (rows.Filled.arrays) and the bank -> the tensors that the forward pass takes."""
from __future__ import annotations

import numpy as np
import torch

from .bank import PATCHES, Bank
from .features import Dice, Mel, disturb, mask_some, picture_light, warp
from .rows import RowShape

GROUPS = 5  # of clips of similar length


class Inputs:
    """Cuts clips out of the bank, disturbs them, and lays everything out in rows."""

    def __init__(self, bank: Bank, shape: RowShape, device, seed: int):
        generator = torch.Generator(device)
        generator.manual_seed(seed)
        self.bank, self.shape, self.device = bank, shape, device
        self.dice, self.mel = Dice(device, generator), Mel(device)

    def put(self, a: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(a)).to(self.device)

    def __call__(self, batch: dict, augment: bool) -> dict:
        out = dict(ids=self.put(batch["ids"]), segment=self.put(batch["segment"]))
        if len(batch["cuts"]):
            out |= self._audio(batch, augment)
        if len(batch["pictures"]):
            out |= self._pictures(batch, augment)
        return out

    def waves(self, cuts: np.ndarray) -> torch.Tensor:
        """The clips at their speed with their silence, (N, samples)."""
        bank, dev = self.bank, self.device
        clip = cuts[:, 0].astype(int)
        offsets = self.put(np.array([bank.offsets[c] if c >= 0 else 0 for c in clip]))
        lengths = self.put(np.array([bank.lengths[c] if c >= 0 else 0 for c in clip]))
        speed, lead = self.put(cuts[:, 1].astype(np.float32)), self.put(cuts[:, 2])
        samples = (int(cuts[:, 3].max()) + 159) // 160 * 160 + 320
        at = (torch.arange(samples, device=dev)[None] - lead[:, None]).float() * speed[:, None]
        below = at.floor().long()
        inside = (below >= 0) & (below < lengths[:, None] - 1)
        index = torch.where(inside, below, 0) + offsets[:, None]
        part = at - below
        x = bank.pcm[index].float() * (1 - part) + bank.pcm[(index + 1).clamp(max=len(bank.pcm) - 1)].float() * part
        return torch.where(inside, x, 0.0) / 32768

    def other_sounds(self, n: int, samples: int) -> torch.Tensor | None:
        """A piece of noise or music for each of n clips, repeated to the length."""
        if not self.bank.noises:
            return None
        pick = torch.randint(len(self.bank.noises), (n,), generator=self.dice.generator, device=self.device).tolist()
        which = [self.bank.noises[i] for i in pick]
        offsets = self.put(np.array([self.bank.offsets[c] for c in which]))[:, None]
        lengths = self.put(np.array([self.bank.lengths[c] for c in which]))[:, None]
        start = (self.dice(n, 1) * lengths).long()
        index = offsets + (start + torch.arange(samples, device=self.device)[None]) % lengths
        return self.bank.pcm[index].float() / 32768

    def _audio(self, batch: dict, augment: bool) -> dict:
        """The clips by groups of about the same length, so that little of the work is on padding."""
        sh, order = self.shape, np.argsort(batch["cuts"][:, 3])
        rows = torch.zeros(sh.audio_rows * sh.frames, 128, dtype=torch.bfloat16, device=self.device)
        owner = torch.full((len(rows),), -1, dtype=torch.long, device=self.device)
        for group in np.array_split(order, GROUPS):
            if len(group):
                self._audio_group(batch["cuts"][group], group, rows, owner, augment)
        return dict(mel=rows.view(sh.audio_rows, sh.frames, 128), clip=owner.view(sh.audio_rows, sh.frames),
                    audio_rows=self.put(batch["audio_rows"]))

    def _audio_group(self, cuts: np.ndarray, numbers: np.ndarray, rows, owner, augment: bool) -> None:
        x, lengths = self.waves(cuts), self.put(cuts[:, 3]).long()
        if augment:
            x = disturb(self.dice, x, lengths, self.other_sounds(*x.shape))
        mel, real = self.mel(x, lengths)
        if augment:
            mel = mask_some(self.dice, warp(self.dice, mel), real)
        line, frame, frames = (cuts[:, i].astype(np.int64) for i in (4, 5, 6))
        real = real & (torch.arange(mel.shape[1], device=self.device)[None] < self.put(frames)[:, None])
        to = self.put(np.concatenate([l * self.shape.frames + f + np.arange(n) for l, f, n in zip(line, frame, frames)]))
        rows[to] = mel[real].to(rows.dtype)
        owner[to] = self.put(np.repeat(numbers, frames))

    def _pictures(self, batch: dict, augment: bool) -> dict:
        bank, sh, n = self.bank, self.shape, len(batch["pictures"])
        slots = batch["pictures"] % bank.ring
        grid = self.put(bank.grids[slots])
        k, columns, count = torch.arange(PATCHES, device=self.device)[None], grid[:, :1], grid[:, :1] * grid[:, 1:]
        places = torch.stack([k % columns, k // columns], -1)
        places = torch.where((k < count)[..., None], places, -1)
        pixels = bank.pixels[self.put(slots)].float() / 255
        if augment:
            pixels = picture_light(self.dice, pixels)
        pixels = torch.where((k < count)[..., None], pixels, 0.0)
        wide = -(-PATCHES // 8) * 8  # attention is fastest on multiples of eight
        all_pixels = torch.zeros(sh.pictures, wide, 768, dtype=torch.bfloat16, device=self.device)
        all_places = torch.full((sh.pictures, wide, 2), -1, dtype=torch.long, device=self.device)
        all_places[n:] = 0
        all_pixels[:n, :PATCHES], all_places[:n, :PATCHES] = pixels.to(all_pixels.dtype), places
        return dict(pixels=all_pixels, places=all_places, vision_rows=self.put(batch["vision_rows"]))
