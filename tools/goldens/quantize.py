#!/usr/bin/env python3
"""Write what mlx.core.quantize makes of values that are awkward to quantize.

    quantize.py FILE [--rows N] [--seed N]

writes one safetensors file: "f32", "bf16" and "f16" are the same values [N, 128] in three formats, and
"<format>.<mode>.<bits>.<group>" is the result for each way of quantizing: the bytes of the codes, the
scales and, for affine, the biases, one behind the other. Every eighth row is of one kind, see ROWS.

engine/weights/testdata/quantize.safetensors is the output of --rows 8; write it again after a change.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import numpy as np

WIDTH = 128
FORMATS = {"f32": mx.float32, "bf16": mx.bfloat16, "f16": mx.float16}
AFFINE = [("affine", bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64, 128)]
SCHEMES = [*AFFINE, ("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]


def blocks(r: np.random.Generator) -> np.ndarray:
    """All zero, constant, constant below zero, and too small for a scale."""
    return np.concatenate([np.zeros(32), np.full(32, 0.5), np.full(32, -3.0), r.standard_normal(32) * 1e-9])


def edges(r: np.random.Generator) -> np.ndarray:
    """Groups of 16 whose largest value is a limit of the float modes times a power of two, or just beyond it."""
    parts = []
    for i in range(WIDTH // 16):
        part = r.standard_normal(16)
        limit = (6.0, 448.0)[i % 2] * 2.0 ** r.integers(-12, 1) * (1, 1 + 2**-7, 1 - 2**-8, 1 + 2**-10)[i // 2]
        part *= limit / 2 / np.abs(part).max()
        part[r.integers(16)] = limit * r.choice([-1, 1])
        parts.append(part)
    return np.concatenate(parts)


ROWS = [
    lambda r: r.standard_normal(WIDTH),
    lambda r: r.standard_normal(WIDTH) * 0.02,
    lambda r: r.standard_normal(WIDTH) * np.where(r.random(WIDTH) < 0.02, 0.5, 1e-3),
    lambda r: r.integers(-24, 25, WIDTH) / 4,  # halves between codes
    blocks,
    lambda r: 2 + np.abs(r.standard_normal(WIDTH)) * r.choice([-1, 1]),  # far from zero
    edges,
    lambda r: r.standard_normal(WIDTH) * 2.0 ** r.integers(-14, 7, WIDTH),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    mx.set_default_device(mx.cpu)
    r = np.random.default_rng(args.seed)
    values = np.stack([ROWS[i % len(ROWS)](r) for i in range(args.rows)]).astype(np.float32)
    out = {}
    for name, dtype in FORMATS.items():
        w = out[name] = mx.array(values).astype(dtype)
        for mode, bits, group in SCHEMES:
            parts = mx.quantize(w, group_size=group, bits=bits, mode=mode)
            out[f"{name}.{mode}.{bits}.{group}"] = mx.concatenate([p.view(mx.uint8).flatten() for p in parts])
    mx.save_safetensors(str(args.file), out, metadata={"source": f"mlx {mx.__version__}"})


if __name__ == "__main__":
    main()
