"""Random weights and the folder layout of a checkpoint."""
from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np

from .chat_cases import chat_template
from .tokenizer import tokenizer_config
from .variants import Variant


def draw(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """A deterministic tensor for one (hub) tensor name, chosen so that every code path matters."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    normal = lambda std: rng.standard_normal(shape) * std
    leaf = name.rsplit(".", 1)[-1]
    if leaf in ("input_min", "output_min"):
        return -rng.uniform(1.0, 2.0, shape)
    if leaf in ("input_max", "output_max"):
        return rng.uniform(1.0, 2.0, shape)
    if leaf == "layer_scalar":
        return rng.uniform(0.6, 1.0, shape)
    if leaf == "per_expert_scale":
        return rng.uniform(0.5, 1.5, shape)
    if leaf == "std_scale":
        return rng.uniform(0.1, 0.4, shape)
    if leaf == "std_bias":
        return normal(2.0)
    if leaf == "per_dim_scale":
        return normal(0.5)
    if leaf == "bias":
        return normal(0.1)
    if leaf == "weight" and name.split(".")[-2] in ("q_norm", "k_norm"):  # attention logits of std ~1.4
        return 1.2 * shape[0] ** -0.25 * (1.0 + normal(0.2))
    if leaf == "scale" or (leaf == "weight" and ("norm" in name or "_ln" in name)):
        return 1.0 + normal(0.2)
    if leaf in ("position_embedding_table", "pos_embedding"):
        return normal(0.3)
    if name.endswith("router.proj.weight"):
        return normal(2.0)
    if "embed_tokens" in name:
        return normal(1.0 / math.sqrt(shape[-1]) if "per_layer" not in name else 0.125)
    fan_in = int(np.prod(shape[1:])) if "experts." not in name else shape[-1]
    return normal(1.0 / math.sqrt(fan_in))


def hub_name(name: str) -> str:
    """Module path inside transformers -> name used in released files (differs for the 12B only)."""
    for leaf in ("patch_ln1", "patch_dense", "patch_ln2", "pos_embedding", "pos_norm"):
        name = name.replace(f"embed_vision.{leaf}", f"vision_embedder.{leaf}")
    return name.replace("embed_vision.multimodal_embedder.", "embed_vision.")


def hf_classes(variant: Variant):
    """Configuration and model class of transformers."""
    import transformers as t

    if variant.unified:
        return t.Gemma4UnifiedConfig, t.Gemma4UnifiedForConditionalGeneration
    return t.Gemma4Config, t.Gemma4ForConditionalGeneration


def make_weights(variant: Variant, seed: int) -> dict:
    """name -> float32 tensor whose values are all bfloat16-representable."""
    import torch

    config_cls, model_cls = hf_classes(variant)
    with torch.device("meta"):
        model = model_cls(config_cls(**variant.config("float32")))
    weights = {}
    for name, param in model.state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        out = hub_name(name)
        value = torch.from_numpy(np.array(draw(out, tuple(param.shape), seed), np.float32))
        weights[out] = value.to(torch.bfloat16).to(torch.float32).contiguous()
    return weights


def write_checkpoint(folder: Path, variant: Variant, weights: dict, dtype: str, tokenizer: dict) -> None:
    """Write a folder in the layout that released checkpoints have."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    kind = getattr(torch, dtype)
    save_file({k: v.to(kind) for k, v in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    files = {
        "config.json": variant.config(dtype),
        "generation_config.json": {
            "bos_token_id": 2, "do_sample": True, "eos_token_id": [1, 106, 50], "pad_token_id": 0,
            "temperature": 1.0, "top_k": 64, "top_p": 0.95,
        },
        "processor_config.json": variant.processor_config(),
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": tokenizer_config(variant.unified),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "chat_template.jinja").write_text(chat_template(variant.large), encoding="utf-8")

