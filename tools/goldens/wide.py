#!/usr/bin/env python3
"""Write random checkpoints of each published Gemma 4 size's real widths, and their goldens.

Below OUT/<size>/ : hf-bf16/ (the layout of released checkpoints) and golden-hf.safetensors, with the
keys of tiny.py. Widths, heads, head sizes, key heads, experts, per-layer embeddings and towers are
those of the released model; there are 2 to 5 layers, 640 tokens and a window of 32, so that a prompt
outgrows it. Tiny widths hide errors that these do not.

transformers computes in float32 on the bfloat16 weights. To keep memory small the decoder's matrices
stay bfloat16 and are widened when they are multiplied, which changes no number. sqrt(width) is rounded
to bfloat16 in all goldens, as bfloat16 checkpoints want it.

  wide.py OUT                      all sizes, 8.5 GB on disk
  wide.py OUT --sizes E2B --check  make, run the Go test of that size, delete

A size takes 0.7 to 2.2 GB on disk, 26B-A4B 3.4 GB for its 2 times 128 experts. This program needs 4 GB
of memory at most, the Go test of 26B-A4B 8 GB, mapped file included.
"""
from __future__ import annotations

import argparse
import copy
import json
import math
import shutil
import struct
import subprocess
import time
import types
from pathlib import Path
from unittest import mock

import numpy as np

from tiny import save_golden
from tinymodel.assets import write_assets
from tinymodel.checkpoint import draw, hf_classes, hub_name, write_checkpoint
from tinymodel.prompts import build_prompts
from tinymodel.reference_hf import HFReference
from tinymodel.tokenizer import build_tokenizer
from tinymodel.variants import FULL, SLIDING, VARIANTS, Variant, text_config, vision_config

S, F = SLIDING, FULL
CHUNK = 1 << 24  # values drawn at a time


def audio_tower(output: int) -> dict:
    """The audio tower of E2B and E4B, two layers of it."""
    return VARIANTS["e"].audio | {
        "hidden_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 8, "subsampling_conv_channels": [128, 32],
        "output_proj_dims": output,
    }


def small(name: str, **text) -> Variant:
    """E2B or E4B."""
    text = text_config(num_attention_heads=8, head_dim=256, global_head_dim=512, hidden_size_per_layer_input=256, **text)
    vision = vision_config(hidden_size=768, intermediate_size=3072, num_attention_heads=12, position_embedding_size=10240,
                           use_clipped_linears=True)
    return Variant(name, text, vision, audio_tower(1536), large=False)


def large(name: str, **text) -> Variant:
    """26B-A4B or 31B."""
    text = text_config(head_dim=256, global_head_dim=512, attention_k_eq_v=True, use_bidirectional_attention="vision",
                       layer_types=[S, F], **text)
    vision = vision_config(hidden_size=1152, intermediate_size=4304, num_attention_heads=16, position_embedding_size=10240,
                           standardize=True)
    return Variant(name, text, vision)


def unified(name: str, **text) -> Variant:
    """12B."""
    tiny = VARIANTS["unified"]
    text = text_config(model_type="gemma4_unified_text", head_dim=256, global_head_dim=512, attention_k_eq_v=True,
                       use_bidirectional_attention="vision", layer_types=[S, F], **text)
    vision = tiny.vision | {"mm_embed_dim": 3840, "output_proj_dims": 3840, "mm_posemb_size": 1120}
    return Variant(name, text, vision, copy.deepcopy(tiny.audio), unified=True)


SIZES = {v.name: v for v in [
    small("E2B", hidden_size=1536, intermediate_size=6144, num_key_value_heads=1, layer_types=[S, S, F, S, F],
          num_kv_shared_layers=2, use_double_wide_mlp=True),
    small("E4B", hidden_size=2560, intermediate_size=10240, num_key_value_heads=2, layer_types=[S, F, S, F],
          num_kv_shared_layers=2),
    unified("12B", hidden_size=3840, intermediate_size=15360, num_attention_heads=16, num_key_value_heads=8,
            num_global_key_value_heads=1),
    large("26B-A4B", hidden_size=2816, intermediate_size=2112, num_attention_heads=16, num_key_value_heads=8,
          num_global_key_value_heads=2, enable_moe_block=True, num_experts=128, top_k_experts=8, moe_intermediate_size=704),
    large("31B", hidden_size=5376, intermediate_size=21504, num_attention_heads=32, num_key_value_heads=16,
          num_global_key_value_heads=4),
]}
MEDIA = {"E2B": "both", "E4B": "both", "12B": "both", "26B-A4B": "image", "31B": "image"}  # the prompt with media


def skeleton(variant: Variant):
    """The model with its tables computed and without memory for its weights."""
    import torch
    from torch import nn

    register = nn.Module.register_parameter

    def without_memory(self, name, param):
        if param is not None:
            param = nn.Parameter(param.to("meta"), requires_grad=False)
        register(self, name, param)

    config_cls, model_cls = hf_classes(variant)
    config = config_cls(**variant.config("float32"))
    nothing = lambda self: None
    with mock.patch.object(nn.Module, "register_parameter", without_memory), \
         mock.patch.object(nn.Linear, "reset_parameters", nothing), mock.patch.object(nn.Embedding, "reset_parameters", nothing):
        return model_cls._from_config(config, attn_implementation="eager", experts_implementation="eager")


def values(name: str, shape: tuple[int, ...], seed: int, width: int) -> np.ndarray:
    """Values as tinymodel draws them, but for the token table and the last norm.

    Two layers as wide as these would hardly be heard beside the embedding of the token itself, which
    would win every time: the table is made smaller, and the norm in front of it larger by as much.
    """
    value = draw(name, shape, seed)
    if name == "model.language_model.embed_tokens.weight":
        return value * 5 / math.sqrt(width)
    if name == "model.language_model.norm.weight":
        return value * math.sqrt(width) / 5
    return value


def write_weights(path: Path, shapes: dict[str, tuple[int, ...]], seed: int, width: int) -> None:
    """A safetensors file of bfloat16, drawn as tinymodel draws and never whole in memory."""
    import torch

    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        end = at + 2 * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            rows = shape[0] if len(shape) > 1 else 1
            step = max(1, CHUNK * rows // max(1, int(np.prod(shape, dtype=np.int64)))) if len(shape) > 1 else 1
            for row in range(0, rows, step):
                part = (min(step, rows - row), *shape[1:]) if len(shape) > 1 else shape
                value = torch.from_numpy(np.array(values(name, part, seed + row, width), np.float32))
                out.write(value.to(torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())


class Widened:
    """A stack of matrices that become float32 when one is taken."""

    def __init__(self, stack):
        self.stack = stack

    def __getitem__(self, index):
        return self.stack[index].float()


class WideReference(HFReference):
    """Runs a checkpoint in float32 with the decoder's matrices in bfloat16."""

    def __init__(self, folder: Path, variant: Variant):
        import torch
        from safetensors import safe_open
        from torch import nn
        from transformers.utils import logging

        logging.set_verbosity_error()
        torch.set_num_threads(1)
        self.torch, self.variant = torch, variant
        self.model = skeleton(variant)
        self.text = self.model.model.language_model
        narrow = {f"model.language_model.layers.{name}.weight" for name, m in self.text.layers.named_modules() if isinstance(m, nn.Linear)}
        with safe_open(folder / "model.safetensors", "pt") as file:
            state = {}
            for name in self.model.state_dict():
                if name == "lm_head.weight":
                    continue
                value = file.get_tensor(hub_name(name))
                state[name] = value if name in narrow or ".experts." in name else value.float()
        info = self.model.load_state_dict(state, strict=False, assign=True)
        assert info.missing_keys == ["lm_head.weight"] and not info.unexpected_keys, info
        self.model.tie_weights()
        left = [n for n, p in self.model.named_parameters() if p.is_meta] + [n for n, b in self.model.named_buffers() if b.is_meta]
        assert not left, left
        self.model.eval()

        def forward(linear, x):
            return nn.functional.linear(x, linear.weight.to(x.dtype), linear.bias)

        for module in self.text.layers.modules():
            if isinstance(module, nn.Linear):
                module.forward = types.MethodType(forward, module)
            if hasattr(module, "gate_up_proj"):
                for name in ("gate_up_proj", "down_proj"):
                    stack = getattr(module, name)
                    delattr(module, name)
                    setattr(module, name, Widened(stack.data))
        scale = self.text.embed_tokens.embed_scale
        scale.copy_(scale.to(torch.bfloat16).float())


def make(base: Path, variant: Variant, seed: int, tokenizer: dict, sound, picture) -> None:
    """One size."""
    started = time.monotonic()
    shutil.rmtree(base, ignore_errors=True)
    folder = base / "hf-bf16"
    write_checkpoint(folder, variant, {}, "bfloat16", tokenizer)
    shapes = {hub_name(n): tuple(p.shape) for n, p in skeleton(variant).state_dict().items() if n != "lm_head.weight"}
    write_weights(folder / "model.safetensors", shapes, seed, variant.text["hidden_size"])
    made = time.monotonic()
    n_image = (picture.width // 48) * (picture.height // 48)
    n_audio = -(-len(sound) // 640) if variant.unified else -(-((len(sound) - 1) // 160) // 4)
    prompts = build_prompts(variant, tokenizer, n_image, n_audio)
    ref = WideReference(folder, variant)
    golden = ref.text_golden(prompts.text) | ref.vision_golden(picture)
    if variant.audio is not None:
        golden |= ref.audio_golden(sound)
    kind = MEDIA[variant.name]
    frames = [picture, picture.transpose(0)]
    golden |= ref.mm_golden(kind, prompts.mm[kind], ref.mm_inputs(kind, prompts.mm[kind], picture, frames, sound))
    save_golden(base / "golden-hf.safetensors", golden, "transformers, float32 on hf-bf16, scale rounded")
    top = np.sort(golden["text.greedy_logits"], -1)[:, -2:]
    print(f"{variant.name}: {sum(int(np.prod(s)) for s in shapes.values()) / 1e6:.0f} M parameters, drawn in {made - started:.0f} s, "
          f"goldens in {time.monotonic() - made:.0f} s; cache against none {ref.cache_error(golden):.1e}, "
          f"{len(set(golden['text.greedy_ids'].tolist()))} unlike greedy tokens, "
          f"smallest lead {float((top[:, 1] - top[:, 0]).min()):.3f}, "
          f"largest logit {float(np.abs(golden['text.logits']).max()):.1f}, "
          f"residual stream up to {max(float(np.abs(v).max()) for k, v in golden.items() if k.startswith('text.layer')):.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write into; the folders of the sizes in it are replaced")
    parser.add_argument("--sizes", default=",".join(SIZES), help="comma-separated subset of: " + ", ".join(SIZES))
    parser.add_argument("--seed", type=int, default=0, help="other seeds give other weights")
    parser.add_argument("--check", action="store_true", help="run the Go test of each size and delete its files")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    sound, picture = write_assets(args.out / "assets", soft_tokens=70)
    for name in args.sizes.split(","):
        make(args.out / name, SIZES[name], args.seed, tokenizer, sound, picture)
        if args.check:
            command = ["go", "test", "-count=1", "-timeout=30m", "-v", "-tags=wide", f"-run=^TestRealWidths$/^{name}$", "./engine/model/gemma4"]
            subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
            shutil.rmtree(args.out / name)


if __name__ == "__main__":
    main()
