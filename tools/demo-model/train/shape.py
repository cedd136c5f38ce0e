"""The shape of the demo model, Gemma 4's E form in small, and where its weights come from."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np

VOCAB = 2048
GLOBAL_HEAD_DIM = 128  # of the full attention layers
SPECIALS = {"bos": 2, "turn": 5, "end": 6, "boi": 7, "eoi": 8, "image": 9, "boa": 10, "eoa": 11, "audio": 12, "video": 13}
TOOL_RESPONSE = 21  # <|tool_response>: ends an answer that calls a tool


def config(clipped: bool = False, tiny: bool = False):
    """The configuration; `clipped` with the bounds that export calibrates, `tiny` for the smoke run."""
    from transformers import Gemma4Config

    layers = (["sliding_attention"] * 3 + ["full_attention"]) * (1 if tiny else 3)
    text = dict(
        vocab_size=VOCAB, vocab_size_per_layer_input=VOCAB, hidden_size=64 if tiny else 256,
        hidden_size_per_layer_input=64, intermediate_size=128 if tiny else 512, num_hidden_layers=len(layers),
        num_attention_heads=4, num_key_value_heads=1, head_dim=64, global_head_dim=GLOBAL_HEAD_DIM, layer_types=layers,
        num_kv_shared_layers=0 if tiny else 4, use_double_wide_mlp=True, sliding_window=256,
        final_logit_softcapping=30.0, max_position_embeddings=4096, pad_token_id=0, eos_token_id=1, bos_token_id=2,
        tie_word_embeddings=True, dtype="bfloat16",
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0},
        },
    )
    vision = dict(
        hidden_size=192, intermediate_size=512, num_hidden_layers=1 if tiny else 6, num_attention_heads=3,
        num_key_value_heads=3, head_dim=64, patch_size=16, pooling_kernel_size=3, position_embedding_size=256,
        use_clipped_linears=clipped, rope_parameters={"rope_type": "axial", "rope_theta": 100.0}, dtype="bfloat16",
    )
    audio = dict(
        hidden_size=192, num_hidden_layers=1 if tiny else 8, num_attention_heads=4, subsampling_conv_channels=[128, 32],
        conv_kernel_size=5, attention_chunk_size=12, attention_context_left=13, attention_context_right=0,
        output_proj_dims=256, use_clipped_linears=clipped, dtype="bfloat16",
    )
    return Gemma4Config(
        text_config=text, vision_config=vision, audio_config=audio, boi_token_id=7, eoi_token_id=8, image_token_id=9,
        boa_token_id=10, eoa_token_index=11, eoa_token_id=11, audio_token_id=12, video_token_id=13,
        eos_token_id=[1, 6, TOOL_RESPONSE], tie_word_embeddings=True, dtype="bfloat16",
    )


def build(seed: int = 0, tiny: bool = False):
    """A fresh model with weights that training starts well from."""
    import torch
    from transformers import Gemma4ForConditionalGeneration

    torch.manual_seed(seed)
    model = Gemma4ForConditionalGeneration(config(tiny=tiny))
    quiet = ("post_attention_layernorm.weight", "post_feedforward_layernorm.weight", "post_per_layer_input_norm.weight")
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(("q_norm.weight", "k_norm.weight")):
                p.fill_(p.numel() ** -0.25)  # the attention scale is 1: start at 1/sqrt(d)
            elif "position_embedding_table" in name:
                p.normal_(0, 0.02)
            elif "embed_tokens" in name:
                p.normal_(0, 0.04)
            elif p.ndim >= 2:
                p.normal_(0, min(0.06, p[0].numel() ** -0.5))
            if name.endswith(quiet):
                p.fill_(0.4)
    return model


def unpack_affine(packed: np.ndarray, scales: np.ndarray, biases: np.ndarray, group: int, bits: int) -> np.ndarray:
    """MLX's affine layout: a bit string, lowest bits first, w = scale * q + bias."""
    stream = np.unpackbits(np.ascontiguousarray(packed).view(np.uint8), axis=-1, bitorder="little")
    q = stream.reshape(*packed.shape[:-1], -1, bits) @ (1 << np.arange(bits))
    return (q * np.repeat(scales, group, -1) + np.repeat(biases, group, -1)).astype(np.float32)


def checkpoint(folder: Path) -> dict:
    """Name in transformers -> float32 tensor, from a folder in the transformers or the MLX layout."""
    import torch
    from safetensors.torch import load_file

    stored = load_file(folder / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text()).get("quantization")
    if settings is None:
        return {k: v.float() for k, v in stored.items()}
    out = {}
    for name, value in stored.items():
        path, _, leaf = name.rpartition(".")
        if leaf in ("scales", "biases"):
            continue
        if leaf == "weight" and f"{path}.scales" in stored:
            scales, biases = (stored[f"{path}.{x}"].float().numpy() for x in ("scales", "biases"))
            value = torch.from_numpy(unpack_affine(value.numpy(), scales, biases, settings["group_size"], settings["bits"]))
        elif "depthwise_conv1d" in name or ".conv.weight" in name:
            value = torch.from_numpy(np.moveaxis(value.float().numpy(), -1, 1).copy())
        out["model." + name.replace("language_model.model.", "language_model.")] = value.float()
    return out


def trained(run: Path) -> dict:
    """Name -> bfloat16 tensor, of the weights_*.pt that train.loop wrote into `run`, or of one file; empty if there are none."""
    import torch

    out = {}
    for path in sorted(run.glob("weights_*.pt")) if run.is_dir() else [run]:
        out |= torch.load(path, map_location="cpu", weights_only=True)
    return out


def load_helpers(helpers, weights: dict) -> None:
    """What an earlier run knew of the helper losses, where the shapes still fit."""
    own = helpers.state_dict()
    old = {n.removeprefix("helper."): w.float() for n, w in weights.items() if n.startswith("helper.")}
    helpers.load_state_dict({n: w for n, w in old.items() if n in own and own[n].shape == w.shape}, strict=False)


def load(model, weights: dict) -> None:
    """Copy weights by name; bounds of clipped linears are left out, and nothing else may be."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    missing = [n for n, _ in model.named_parameters() if n not in weights and not n.startswith(("lm_head", "helper"))]
    bounds = ("input_min", "input_max", "output_min", "output_max")
    unknown = [n for n in weights if n not in own and not n.endswith(bounds)]
    if missing or unknown:
        raise ValueError(f"missing {missing[:5]}, unknown {unknown[:5]}")
    model.load_state_dict({k: v for k, v in weights.items() if k in own}, strict=False)
