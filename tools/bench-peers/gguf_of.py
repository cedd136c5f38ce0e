#!/usr/bin/env python3
"""Make a GGUF file of a checkpoint in MLX format: gguf_of.py FOLDER FILE [--type q4_1|q4_0].

Q4_1 holds the very values of affine 4 bits in groups of 32: both are scale times code plus bias. (Scales
and biases are bfloat16 there and float16 here, which holds them unless they are tiny.) Q4_0 has no bias,
so there the values are rounded anew; llama.cpp has faster kernels for it.

The file has no tokenizer. It is for measurements of speed, which feed token ids.
"""
from __future__ import annotations

import argparse
import json
import struct
import sys
from pathlib import Path

import numpy as np

F32, Q4_0, Q4_1 = 0, 2, 3  # types of tensors
U32, FLOAT, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9  # types of settings
ALIGN = 32
ROWS = 8192  # of a matrix, converted at a time

# name on the hub -> name in the GGUF file
MODEL = {
    "embed_tokens": "token_embd", "norm": "output_norm", "embed_tokens_per_layer": "per_layer_token_embd",
    "per_layer_model_projection": "per_layer_model_proj", "per_layer_projection_norm": "per_layer_proj_norm",
}
LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm", "layer_scalar": "layer_output_scale",
    "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj", "post_per_layer_input_norm": "post_norm",
}


class Checkpoint:
    """The tensors of a folder, mapped."""

    def __init__(self, folder: Path) -> None:
        self.config = json.loads((folder / "config.json").read_text())
        self.text = self.config.get("text_config", self.config)
        self.entries = {}
        for path in sorted(folder.glob("*.safetensors")):
            data = np.memmap(path, dtype=np.uint8, mode="r")
            (length,) = struct.unpack("<Q", data[:8].tobytes())
            for name, entry in json.loads(data[8 : 8 + length].tobytes()).items():
                if name != "__metadata__":
                    first, last = entry["data_offsets"]
                    self.entries[name] = (entry, data[8 + length + first : 8 + length + last])

    def words(self, name: str) -> np.ndarray:
        """A tensor as it is stored: uint16 for bfloat16, uint32 for codes."""
        entry, data = self.entries[name]
        kind = {"BF16": np.uint16, "U32": np.uint32}.get(entry["dtype"])
        if kind is None:
            sys.exit(f"{name} is {entry['dtype']}, want BF16 or U32")
        return data.view(kind).reshape(entry["shape"])

    def floats(self, name: str) -> np.ndarray:
        """A tensor of bfloat16 as float32."""
        return widen(self.words(name))


def widen(words: np.ndarray) -> np.ndarray:
    """bfloat16 as float32."""
    return (words.astype(np.uint32) << 16).view(np.float32)


def target(name: str) -> str | None:
    """Name of a tensor in the GGUF file, without its end; None for what is not of the decoder."""
    if not name.startswith(("model.", "language_model.model.")):
        return None
    name = name.removeprefix("language_model.").removeprefix("model.").removesuffix(".weight")
    if not name.startswith("layers."):
        return MODEL[name]
    _, layer, rest = name.split(".", 2)
    return f"blk.{layer}.{LAYER[rest]}"


def blocks(codes: np.ndarray, scales: np.ndarray, biases: np.ndarray, kind: int) -> bytes:
    """Blocks of 32 values [rows, n]: factors, then the first 16 codes in low halves and the last 16 in high ones."""
    rows, n = codes.shape
    codes = codes.reshape(rows, n // 32, 32)
    if kind == Q4_0:
        values = scales[..., None] * codes + biases[..., None]
        greatest = np.take_along_axis(values, np.abs(values).argmax(-1)[..., None], -1)
        step = greatest / -8
        inverse = np.divide(1, step, out=np.zeros_like(step), where=step != 0)
        codes = np.clip(values * inverse + 8.5, 0, 15).astype(np.uint8)
        factors = step.astype(np.float16)
    else:
        factors = np.stack([scales, biases], -1).astype(np.float16)
    halves = codes[..., :16] | codes[..., 16:] << 4
    return np.concatenate([factors.view(np.uint8).reshape(rows, n // 32, -1), halves], -1).tobytes()


def matrix(ckpt: Checkpoint, name: str, kind: int):
    """The pieces of a matrix of 4-bit codes."""
    base = name.removesuffix(".weight")
    words, scales, biases = ckpt.words(name), ckpt.words(base + ".scales"), ckpt.words(base + ".biases")
    times = words.shape[1] * 8 // scales.shape[1] // 32
    if times * scales.shape[1] * 32 != words.shape[1] * 8:
        sys.exit(f"{name}: not 4 bits in groups of 32 or more")
    shifts = np.arange(0, 32, 4, dtype=np.uint32)
    for r in range(0, words.shape[0], ROWS):
        codes = (words[r : r + ROWS, :, None] >> shifts & 15).astype(np.uint8).reshape(-1, words.shape[1] * 8)
        s, b = (np.repeat(widen(x[r : r + ROWS]), times, axis=1) for x in (scales, biases))
        yield blocks(codes, s, b, kind)


def settings(ckpt: Checkpoint) -> dict[str, tuple[int, object]]:
    """What llama.cpp has to know of the model, by name."""
    t = ckpt.text
    four = t["model_type"].startswith("gemma4")
    arch = "gemma4" if four else "gemma3"
    layers, head = t["num_hidden_layers"], t["head_dim"]
    own = {
        "vocab_size": (U32, t["vocab_size"]), "context_length": (U32, t["max_position_embeddings"]),
        "embedding_length": (U32, t["hidden_size"]), "block_count": (U32, layers), "feed_forward_length": (U32, t["intermediate_size"]),
        "attention.head_count": (U32, t["num_attention_heads"]), "attention.head_count_kv": (U32, t["num_key_value_heads"]),
        "attention.key_length": (U32, head), "attention.value_length": (U32, head),
        "attention.layer_norm_rms_epsilon": (FLOAT, t["rms_norm_eps"]), "attention.sliding_window": (U32, t["sliding_window"]),
    }
    if four:
        shared, full, rope = t["num_kv_shared_layers"], t["global_head_dim"], t["rope_parameters"]
        wide = 2 if t.get("use_double_wide_mlp") else 1
        own |= {
            "attention.key_length": (U32, full), "attention.value_length": (U32, full),
            "attention.key_length_swa": (U32, head), "attention.value_length_swa": (U32, head),
            "attention.shared_kv_layers": (U32, shared),
            "attention.sliding_window_pattern": (ARRAY, (BOOL, [k == "sliding_attention" for k in t["layer_types"]])),
            "feed_forward_length": (ARRAY, (U32, [t["intermediate_size"] * (wide if i >= layers - shared else 1) for i in range(layers)])),
            "embedding_length_per_layer_input": (U32, t["hidden_size_per_layer_input"]),
            "rope.dimension_count": (U32, full), "rope.dimension_count_swa": (U32, head),
            "rope.freq_base": (FLOAT, rope["full_attention"]["rope_theta"]),
            "rope.freq_base_swa": (FLOAT, rope["sliding_attention"]["rope_theta"]),
            "final_logit_softcapping": (FLOAT, t["final_logit_softcapping"]),
        }
    else:
        own["rope.freq_base"] = (FLOAT, t["rope_theta"])
    return {
        "general.architecture": (STRING, arch), "tokenizer.ggml.model": (STRING, "none"),
        **{f"{arch}.{name}": value for name, value in own.items()},
    }


def encode(kind: int, value: object) -> bytes:
    """A setting's value."""
    if kind == STRING:
        raw = value.encode()
        return struct.pack("<Q", len(raw)) + raw
    if kind == ARRAY:
        of, values = value
        return struct.pack("<IQ", of, len(values)) + b"".join(encode(of, v) for v in values)
    return struct.pack({U32: "<I", FLOAT: "<f", BOOL: "<?"}[kind], value)


def tensors(ckpt: Checkpoint, kind: int):
    """Each tensor: its name, its sizes with the innermost first, its type, its bytes, and a function that makes the pieces of it."""
    gemma3 = ckpt.text["model_type"].startswith("gemma3")
    for name, (entry, _) in ckpt.entries.items():
        if name.endswith((".scales", ".biases")) or (to := target(name)) is None:
            continue
        if entry["dtype"] == "U32":
            rows, n = entry["shape"][0], entry["shape"][1] * 8
            size = rows * n // 32 * (20 if kind == Q4_1 else 18)
            yield to + ".weight", [n, rows], kind, size, lambda name=name: matrix(ckpt, name, kind)
        else:
            values = ckpt.floats(name)
            if gemma3 and values.ndim == 1:  # llama.cpp multiplies by what is stored, Gemma 3 by one more
                values = values + 1
            yield to + ".weight", list(values.shape[::-1]), F32, values.nbytes, lambda values=values: [values.tobytes()]
    if not gemma3:  # the full layers turn a share of each head
        half = ckpt.text["global_head_dim"] // 2
        turned = int(half * ckpt.text["rope_parameters"]["full_attention"]["partial_rotary_factor"])
        values = np.array([1] * turned + [1e30] * (half - turned), dtype=np.float32)
        yield "rope_freqs.weight", [half], F32, values.nbytes, lambda: [values.tobytes()]


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("folder", type=Path)
    flags.add_argument("file", type=Path)
    flags.add_argument("--type", choices=["q4_1", "q4_0"], default="q4_1")
    o = flags.parse_args()
    ckpt = Checkpoint(o.folder)
    known, all_tensors = settings(ckpt), list(tensors(ckpt, Q4_1 if o.type == "q4_1" else Q4_0))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(all_tensors), len(known))
    for name, (kind, value) in known.items():
        head += encode(STRING, name) + struct.pack("<I", kind) + encode(kind, value)
    at = 0
    for name, sizes, kind, size, _ in all_tensors:
        head += encode(STRING, name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes) + struct.pack("<IQ", kind, at)
        at += size + -size % ALIGN
    part = o.file.with_suffix(".part")
    with part.open("wb") as f:
        f.write(head + bytes(-len(head) % ALIGN))
        for name, _, _, size, pieces in all_tensors:
            written = sum(f.write(piece) for piece in pieces())
            if written != size:
                sys.exit(f"{name} has {written} bytes, want {size}")
            f.write(bytes(-size % ALIGN))
    part.rename(o.file)


if __name__ == "__main__":
    main()
