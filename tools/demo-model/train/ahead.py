"""The next batch is made ready while the device works on this one: a thread and a stream of its own.

Everything whose size depends on the data is counted here, in numpy, so that the training step never waits for the
device and can be launched ahead of it.
"""
from __future__ import annotations

import contextlib
import queue
import threading

import numpy as np
import torch

from .inputs import Inputs
from .shape import SPECIALS


def labels(batch: dict) -> dict[str, np.ndarray]:
    """What the losses compare with; where in the flattened rows the soft tokens stand and what is learned; which pictures
    have print."""
    ids = batch["ids"].reshape(-1)
    printed = np.flatnonzero((batch["letters"] >= 0).any((1, 2)))
    learned = batch["learned"].copy()
    learned[:, 0] = 0
    return dict(audio_at=np.flatnonzero(ids == SPECIALS["audio"]), image_at=np.flatnonzero(ids == SPECIALS["image"]),
                learned_at=np.flatnonzero(learned) - 1, target=ids[np.flatnonzero(learned)],
                printed=printed, letters=batch["letters"][printed], seen=batch["seen"], ctc=batch["ctc"],
                first_token=batch["first_token"])


class Ahead:
    """Iterates over (batch, tensors for the forward pass, labels as tensors). Close it before the program ends: a thread
    that is inside torch while the interpreter goes away aborts the process."""

    def __init__(self, source, inputs: Inputs, device: torch.device):
        self.source, self.inputs, self.device = source, inputs, device
        self.ready: queue.Queue = queue.Queue(2)
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.closed.set()
        while self.thread.is_alive():
            with contextlib.suppress(queue.Empty):  # room for a batch the thread has in hand
                self.ready.get(timeout=0.1)

    def _work(self) -> None:
        try:
            if self.device.type != "cuda":
                while not self.closed.is_set():
                    self.ready.put((*self._make(), None))
                return
            with torch.cuda.stream(torch.cuda.Stream()):
                while not self.closed.is_set():
                    made = self._make()
                    event = torch.cuda.Event()
                    event.record()
                    self.ready.put((*made, event))
        except BaseException as problem:  # the trainer ends with it
            self.ready.put(problem)
            raise

    @torch.no_grad()
    def _make(self):
        batch = self.source.get()
        at = {k: self.inputs.put(v) for k, v in labels(batch).items()}
        return batch, self.inputs(batch, augment=True), at

    def __iter__(self):
        while True:
            got = self.ready.get()
            if isinstance(got, BaseException):
                raise got
            batch, tensors, at, event = got
            if event is not None:
                stream = torch.cuda.current_stream()
                stream.wait_event(event)
                for x in (*tensors.values(), *at.values()):
                    x.record_stream(stream)
            yield batch, tensors, at
