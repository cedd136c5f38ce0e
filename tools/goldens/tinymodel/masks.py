"""Which positions see which: the reference's rule and the deviating one of other programs."""
from __future__ import annotations

import numpy as np

from .variants import FULL, SLIDING


def vision_blocks(types: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Query index, key index and "both lie in the same run of image or video tokens"."""
    i, j = np.mgrid[0 : len(types), 0 : len(types)]
    vision = (types == 1) | (types == 2)
    starts = vision & ~np.concatenate([[False], vision[:-1]])
    block = np.where(vision, np.cumsum(starts), 0)
    return i, j, (block[:, None] == block[None, :]) & (block[:, None] > 0)


def reference_masks(types: np.ndarray, window: int) -> dict[str, np.ndarray]:
    """The training code's rule: a block of picture tokens sees itself in sliding layers only, within the window."""
    i, j, same = vision_blocks(types)
    return {FULL: j <= i, SLIDING: ((j <= i) | same) & (i - j < window)}


def overlay_masks(types: np.ndarray, window: int) -> dict[str, np.ndarray]:
    """The deviating rule: a block sees itself everywhere, whatever the window."""
    i, j, same = vision_blocks(types)
    return {FULL: (j <= i) | same, SLIDING: ((j <= i) & (i - j < window)) | same}
