"""Checks that the parts agree with what they stand for: `python -m check WORK`.

The chat format against the template, mel frames against transformers' extractor, the forward pass against
transformers, unpacked 8-bit weights against the model's own shapes, and resampling against a sine.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def chat_format(assets: Path) -> str:
    """The pieces that are trained on, against the template, on 300 dialogues."""
    import json

    import jinja2.sandbox

    from dialogs.dice import Dice
    from dialogs.inventory import Dry
    from dialogs.render import messages, pieces
    from dialogs.talk import dialog

    r = Dice(5)
    names = [str(n) for n in np.load(assets / "icons.npz")["names"]]
    stock = Dry(r, names, json.loads((assets / "texts.json").read_text())["picture_words"])
    text = Path("train/chat_template.jinja").read_text(encoding="utf-8")
    template = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(text)
    marks = {"turn_start": lambda p: f"<|turn>{p.text}\n", "turn_end": lambda p: "<turn|>\n", "picture": lambda p: "<|image|>"}
    for _ in range(300):
        d = dialog(r, stock)
        ours = "<bos>" + "".join(marks.get(p.kind, lambda p: p.text)(p) for p in pieces(d))
        chat, tools = messages(d, len(d.turns) - 1)
        theirs = template.render(bos_token="<bos>", messages=chat, tools=tools or None, add_generation_prompt=True,
                                 enable_thinking=d.think)
        if not ours.startswith(theirs):
            raise SystemExit(f"chat format:\n{ours}\ninstead of\n{theirs}")
    return "300 dialogues as the template renders them"


def mel_frames() -> str:
    import torch
    from transformers import Gemma4AudioFeatureExtractor

    from train.features import Mel, token_count

    x = np.random.default_rng(1).standard_normal(20_000).astype(np.float32) * 0.1
    data = Gemma4AudioFeatureExtractor()([x], return_tensors="pt")
    want = data["input_features"][0][data["input_features_mask"][0].bool()]
    got, real = Mel("cpu")(torch.from_numpy(x)[None], torch.tensor([len(x)]))
    got = got[0][real[0]]
    far = (got - want).abs().max().item()
    if got.shape != want.shape or far > 1e-3 or token_count(len(x)) != (len(want) + 3) // 4:
        raise SystemExit(f"mel frames: {tuple(got.shape)} for {tuple(want.shape)}, {far:.1e} apart")
    return f"mel frames within {far:.0e}"


def forward_pass() -> str:
    from train.forward import compare

    far = compare()
    if far > 1e-4:
        raise SystemExit(f"forward pass: relative difference {far:.1e}")
    return f"forward pass within {far:.0e}"


def embedded_weights() -> str:
    from train.shape import build, checkpoint, load

    weights = checkpoint(Path("../../engine/demo/files"))
    load(build(), weights)
    return f"{len(weights)} tensors of the embedded model fit"


def resampling() -> str:
    from speech.clips import resample

    worst = 0.0
    for rate in (8000, 22050, 24000):
        got = resample(np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate, 16000)
        want = np.sin(2 * np.pi * 1000 * np.arange(len(got)) / 16000)
        worst = max(worst, float(np.abs(got - want)[500:-500].max()))
    if worst > 1e-3:
        raise SystemExit(f"resampling: {worst:.1e} off")
    return f"resampling within {worst:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    print("; ".join([resampling(), chat_format(work / "assets"), mel_frames(), forward_pass(), embedded_weights()]))


if __name__ == "__main__":
    main()
