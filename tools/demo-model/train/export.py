"""The trained weights as a checkpoint in the transformers layout, bf16:
`python -m train.export RUN TOKENIZER OUT --assets ASSETS`.

The towers' clipped linears need bounds. They are calibrated on speech and pictures made for it, with a margin of a half.
"""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from random import Random

import numpy as np

from .shape import GLOBAL_HEAD_DIM, config, trained

MARGIN = 1.5
BESIDE = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "processor_config.json", "generation_config.json"]


class Ranges:
    """Smallest and largest inputs and outputs of the clipped linears while it watches."""

    def __init__(self, model):
        from transformers.models.gemma4.modeling_gemma4 import Gemma4ClippableLinear

        self.seen = {}
        self.handles = []
        for module in model.modules():
            if isinstance(module, Gemma4ClippableLinear):
                self.seen[module] = [np.inf, -np.inf, np.inf, -np.inf]
                self.handles.append(module.register_forward_hook(self._look))

    def _look(self, module, inputs, output) -> None:
        s, x = self.seen[module], inputs[0]
        self.seen[module] = [min(s[0], x.min().item()), max(s[1], x.max().item()),
                             min(s[2], output.min().item()), max(s[3], output.max().item())]

    def set_bounds(self) -> None:
        for handle in self.handles:
            handle.remove()
        for module, (in_low, in_high, out_low, out_high) in self.seen.items():
            if not np.isfinite(in_low):
                raise RuntimeError("a clipped linear was never used in the calibration")
            module.input_min.fill_(min(in_low * MARGIN, -0.5))
            module.input_max.fill_(max(in_high * MARGIN, 0.5))
            module.output_min.fill_(min(out_low * MARGIN, -0.5))
            module.output_max.fill_(max(out_high * MARGIN, 0.5))


def calibrate(model, assets: Path, clips: int, pictures: int) -> None:
    """Set the bounds of the clipped linears."""
    import torch

    from pictures.paint import Materials, Painter, patches
    from pictures.scene import Scenes
    from speech.noise import noise
    from speech.synthesize import Texts, speaker

    from .features import Mel

    r, ranges, mel = Random(3), Ranges(model), Mel("cpu")
    talk = [speaker(e, assets, Texts(assets, False), False) for e in ("espeak", "flite")]
    g = np.random.default_rng(3)
    with torch.no_grad():
        for i in range(clips):
            clip = noise(r, g) if i % 10 == 9 else talk[i % 2](r)
            if clip is None:
                continue
            x = torch.from_numpy(clip.samples.astype(np.float32) / 32768)[None]
            for gain in (1.0, 0.1):
                features, real = mel(x * gain, torch.tensor([x.shape[1]]))
                model.model.audio_tower(features * real[..., None], real)
        materials = Materials.load(assets)
        painter, scenes = Painter(materials, r), Scenes(materials.names, ["hello", "exit"])
        for _ in range(pictures):
            image = painter.paint(scenes(r))
            columns = image.width // 16
            p = patches(image).astype(np.float32) / 255
            k = np.arange(len(p))
            model.model.vision_tower(torch.from_numpy(p)[None], torch.from_numpy(np.stack([k % columns, k // columns], -1))[None])
    ranges.set_bounds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("tokenizer", type=Path, help="folder that train.tokenizer wrote")
    parser.add_argument("out", type=Path)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()

    import torch
    from transformers import Gemma4ForConditionalGeneration

    model = Gemma4ForConditionalGeneration(config(clipped=True, tiny=args.tiny))
    weights = {k: v.float() for k, v in trained(args.run).items() if not k.startswith("helper")}
    lost = [n for n, _ in model.named_parameters() if n not in weights and not n.startswith("lm_head")]
    unknown = model.load_state_dict(weights, strict=False).unexpected_keys
    if lost or unknown:
        raise SystemExit(f"missing {lost[:5]}, unknown {unknown[:5]}")
    model.eval()
    calibrate(model, args.assets, args.clips, args.pictures)
    model.to(torch.bfloat16).save_pretrained(args.out)
    path = args.out / "config.json"
    settings = json.loads(path.read_text())
    # the keys that the released E2B's config.json has
    settings["text_config"].update(global_head_dim=GLOBAL_HEAD_DIM, num_global_key_value_heads=None)
    settings["text_config"].pop("per_layer_config", None)
    path.write_text(json.dumps(settings, indent=1) + "\n")
    for name in BESIDE:
        shutil.copy(args.tokenizer / name, args.out)
    print(f"{args.out}: {(args.out / 'model.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
