"""Clips and pictures on the training device. Producers write files into a folder, the trainer takes them in and tells
the makers of dialogues by manifests what there is.

Clips stay. Pictures are replaced all the time: the bank is a ring, and makers only use the newer part of it, so that
no picture changes between the moment a dialogue is made about it and the moment it is trained on.
"""
from __future__ import annotations

import os
import pickle
import threading
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pictures.scene import Scene
from speech import clips

PATCHES = 594  # of the largest picture


def write_pictures(path: Path, patches: np.ndarray, grids: list[tuple[int, int]], scenes: list[Scene]) -> None:
    """One shard of pictures: (n, PATCHES, 768) bytes, widths and heights in patches."""
    part = path.with_suffix(".part")
    with open(part, "wb") as f:
        pickle.dump((grids, scenes), f, protocol=5)
        f.write(patches.data)
    part.rename(path)


class Bank:
    """The trainer's side."""

    def __init__(self, device, folder: Path, samples: int, pictures: int):
        import torch

        self.torch, self.device, self.folder = torch, device, folder
        self.pcm = torch.zeros(samples, dtype=torch.int16, device=device)
        self.used = 0
        self.offsets: list[int] = []
        self.lengths: list[int] = []
        self.noises: list[int] = []
        self.voices: dict[str, int] = {}
        self.pixels = torch.zeros(pictures, PATCHES, 768, dtype=torch.uint8, device=device)
        self.grids = np.zeros((pictures, 2), np.int64)
        self.drawn = 0  # pictures taken in since the start
        self._manifests, self._page = 0, None
        self._closed = threading.Event()

    @property
    def ring(self) -> int:
        return len(self.pixels)

    def start(self) -> None:
        """Take in what is written from now on, beside the training: reading and copying do not hold it up."""
        def take() -> None:
            stream = self.torch.cuda.Stream() if self.device.type == "cuda" else None
            while not self._closed.wait(0.2):
                with self.torch.cuda.stream(stream) if stream else nullcontext():
                    self.poll()

        self._taker = threading.Thread(target=take, daemon=True)
        self._taker.start()

    def close(self) -> None:
        """Stop taking in; before the program ends, as with Ahead."""
        self._closed.set()
        self._taker.join()

    def poll(self, most: int = 40) -> None:
        """Take in what has been written, at most so many files."""
        files = sorted(self.folder.glob("*.npz")) + sorted(self.folder.glob("*.pictures"))
        for path in [p for p in files if ".part" not in p.name][:most]:
            if path.suffix == ".npz":
                self._add_clips(list(clips.load(path)))
            else:
                with open(path, "rb") as f:
                    self._add_pictures(f)
            path.unlink()

    def _add_clips(self, new: list[clips.Clip]) -> None:
        samples = np.concatenate([c.samples for c in new])
        if self.used + len(samples) > len(self.pcm):
            return
        first = len(self.offsets)
        self.pcm[self.used: self.used + len(samples)] = self.torch.from_numpy(samples).to(self.device)
        for c in new:
            self.offsets.append(self.used)
            self.lengths.append(len(c.samples))
            self.used += len(c.samples)
            engine = c.voice.split(":")[0]
            self.voices[engine] = self.voices.get(engine, 0) + 1
            if not c.text:
                self.noises.append(len(self.offsets) - 1)
        self._arrived()
        self._tell(("clips", first, [(len(c.samples), c.text, c.voice) for c in new]))

    def _add_pictures(self, file: BinaryIO) -> None:
        grids, scenes = pickle.load(file)
        if self._page is None or len(self._page) < len(grids):
            self._page = self.torch.empty(len(grids), PATCHES, 768, dtype=self.torch.uint8,
                                          pin_memory=self.device.type == "cuda")
        patches = self._page[: len(grids)]
        file.readinto(patches.numpy().data)
        slots = (self.drawn + np.arange(len(grids))) % self.ring
        self.pixels[self.torch.from_numpy(slots).to(self.device)] = patches.to(self.device)
        self._arrived()
        self.grids[slots] = grids
        first, self.drawn = self.drawn, self.drawn + len(patches)
        self._tell(("pictures", first, list(zip(grids, scenes))))

    def _arrived(self) -> None:
        """Nobody is told of what is still on its way to the device."""
        if self.device.type == "cuda":
            self.torch.cuda.current_stream().synchronize()

    def _tell(self, manifest: tuple) -> None:
        part = self.folder / "manifest.part"
        with open(part, "wb") as f:
            pickle.dump(manifest, f)
        os.rename(part, self.folder / f"manifest_{self._manifests}.pkl")
        self._manifests += 1


@dataclass
class Picture:
    serial: int
    grid: tuple[int, int]
    scene: Scene


class Catalogue:
    """A maker's side: texts and scenes, by number."""

    def __init__(self, folder: Path, keep_pictures: int):
        self.folder, self._next = folder, 0
        self.lengths: list[int] = []
        self.texts: list[str] = []
        self.by_text: dict[str, list[int]] = {}
        self.neural: dict[str, list[int]] = {}
        self.neural_all: list[int] = []
        self.spoken: list[int] = []
        self.noises: list[int] = []
        self.pictures: deque[Picture] = deque(maxlen=keep_pictures)

    def poll(self) -> None:
        while (path := self.folder / f"manifest_{self._next}.pkl").exists():
            with open(path, "rb") as f:
                kind, first, entries = pickle.load(f)
            self._next += 1
            if kind == "clips":
                self._add_clips(first, entries)
            else:
                self.pictures.extend(Picture(first + i, tuple(grid), scene) for i, (grid, scene) in enumerate(entries))

    def _add_clips(self, first: int, entries: list) -> None:
        for i, (length, text, voice) in enumerate(entries):
            c = first + i
            self.lengths.append(length)
            self.texts.append(text)
            if not text:
                self.noises.append(c)
                continue
            self.spoken.append(c)
            self.by_text.setdefault(text, []).append(c)
            if voice.startswith(("kokoro", "piper")):
                self.neural.setdefault(text, []).append(c)
                self.neural_all.append(c)
