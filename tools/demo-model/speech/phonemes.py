"""Phonemes of all texts ahead of time: phonemes.json, text -> [American, British].

The texts go through child processes in groups, because espeak-ng 1.51 can crash in the conversion: a group that
does is halved, and a text that crashes alone is left out.
"""
from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

from .engines import Espeak


def in_child(assets: Path, texts: list[str]) -> list[tuple[str, str]] | None:
    """The phonemes of the texts, or None if the child died."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        espeak = Espeak(assets)
        both = list(zip([espeak.phonemes(t, "en-us") for t in texts], [espeak.phonemes(t, "en-gb") for t in texts]))
        with os.fdopen(write, "wb") as f:
            pickle.dump(both, f)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as f:
        data = f.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else None


def phonemes_of(assets: Path, texts: list[str]) -> dict[str, tuple[str, str]]:
    found = in_child(assets, texts)
    if found is not None:
        return dict(zip(texts, found))
    if len(texts) == 1:
        return {}
    half = len(texts) // 2
    return phonemes_of(assets, texts[:half]) | phonemes_of(assets, texts[half:])


def write(assets: Path, texts: list[str]) -> None:
    """phonemes.json for these texts."""
    out: dict[str, tuple[str, str]] = {}
    for at in range(0, len(texts), 200):
        out |= phonemes_of(assets, texts[at: at + 200])
    (assets / "phonemes.json").write_text(json.dumps(out, ensure_ascii=False), encoding="utf-8")
    print(f"phonemes of {len(out)} of {len(texts)} texts")
