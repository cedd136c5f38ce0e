#!/usr/bin/env python3
"""Write a tiny random Gemma 3 text checkpoint and its reference outputs ("goldens").

Below OUT/gemma3/ :

  hf-bf16/ hf-f32/     the layout of released checkpoints; both hold the same numbers
  mlx-q4g64/           the bf16 checkpoint as mlx_vlm.convert writes it (names with language_model., a head of its own)
  mlx-q8g64/           the same in 8 bits, with the names that mlx_lm gives (as on the hub, no head)
  golden-hf.safetensors            transformers, float32, on hf-f32
  golden-mlx-<quant>.safetensors   mlx.*: mlx-vlm on the packed weights with float32 activations;
                                   dequantized.*: transformers in float32 on the dequantized weights

Keys are those of tiny.py. With --committed, a checkpoint of half the width and its golden only: the
part that is tracked. Its sqrt(width) is a bfloat16 number, so that every layer can be compared.

What the real ones do not tell apart is told apart here: query_pre_attn_scalar is not the head size,
the window is shorter than the prompt, rope is stretched by 8 in the full layers only, and the last
layers are sliding ones.
"""
from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tiny import save_golden
from tinymodel.checkpoint import draw
from tinymodel.compare import max_abs
from tinymodel.reference_hf import HFReference
from tinymodel.reference_mlx import MLXReference, convert_to_mlx, dequantized_weights
from tinymodel.tokenizer import LOW_SPECIALS, MEDIA_SPECIALS, VOCAB_SIZE, build_tokenizer

QUANTS = {"q4g64": dict(q_group_size=64, q_bits=4), "q8g64": dict(q_group_size=64, q_bits=8)}
MARKERS = {"<|turn>": "<start_of_turn>", "<turn|>": "<end_of_turn>", "<|image>": "<start_of_image>", "<image|>": "<end_of_image>"}
ROLES = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
PROMPT = ("<bos><start_of_turn>user\nYou are a helpful assistant. Be brief.\n\n"
          "What is in the picture? Describe café 北京 🙂 in one sentence.<end_of_turn>\n<start_of_turn>model\n")


def config(width: int, layers: int, dtype: str) -> dict:
    """config.json with the keys that released files have."""
    return {
        "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "dtype": dtype, "vocab_size": VOCAB_SIZE,
        "attention_bias": False, "attention_dropout": 0.0, "attn_logit_softcapping": None, "bos_token_id": 2,
        "cache_implementation": "hybrid", "eos_token_id": [1, 106], "final_logit_softcapping": None, "head_dim": width // 4,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": width, "initializer_range": 0.02,
        "intermediate_size": 2 * width, "max_position_embeddings": 4096, "num_attention_heads": 4,
        "num_hidden_layers": layers, "num_key_value_heads": 2, "pad_token_id": 0, "query_pre_attn_scalar": width // 4 - 6,
        "rms_norm_eps": 1e-6, "rope_local_base_freq": 10_000, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "rope_theta": 1_000_000, "sliding_window": 32, "sliding_window_pattern": 3, "use_cache": True,
    }


def tokenizer() -> dict:
    """The tiny tokenizer with the markers of this family and without those of the next."""
    text = json.dumps(build_tokenizer(), ensure_ascii=False)
    for old, new in MARKERS.items():
        text = text.replace(json.dumps(old), json.dumps(new))
    out = json.loads(text)
    ours = {"<pad>", "<eos>", "<bos>", "<unk>", "<mask>"} | set(MARKERS.values())
    theirs = (set(LOW_SPECIALS.values()) | set(MEDIA_SPECIALS)) - ours - set(MARKERS)
    out["added_tokens"] = [t for t in out["added_tokens"] if t["content"] in ours]
    vocab = out["model"]["vocab"]
    out["model"]["vocab"] = {(f"<unused{i}>" if piece in theirs else piece): i for piece, i in vocab.items()}
    return out


def make_weights(cfg: dict, seed: int) -> dict:
    """name -> float32 tensor whose values are all bfloat16-representable."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    with torch.device("meta"):
        model = Gemma3ForCausalLM(Gemma3TextConfig(**cfg))
    weights = {}
    for name, param in model.state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        value = draw(name, tuple(param.shape), seed)
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            value = value * param.shape[0] ** 0.25 - 1.0  # scores of std 1.4
        elif "norm" in name:
            value = value - 1.0  # the norms multiply by 1 + weight
        weights[name] = torch.from_numpy(np.array(value, np.float32)).to(torch.bfloat16).to(torch.float32).contiguous()
    return weights


def write_checkpoint(folder: Path, cfg: dict, weights: dict, words: dict) -> None:
    """Write a folder in the layout that released checkpoints have."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    kind = getattr(torch, cfg["dtype"])
    save_file({k: v.to(kind) for k, v in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    files = {
        "config.json": cfg,
        "generation_config.json": {"bos_token_id": 2, "cache_implementation": "hybrid", "do_sample": True,
                                   "eos_token_id": [1, 106], "pad_token_id": 0, "top_k": 64, "top_p": 0.95},
        "tokenizer.json": words,
        "tokenizer_config.json": ROLES | {"tokenizer_class": "GemmaTokenizer"},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


class Reference(HFReference):
    """Runs a checkpoint of this family in float32."""

    def __init__(self, folder: Path):
        import torch
        from transformers import Gemma3ForCausalLM
        from transformers.utils import logging

        logging.set_verbosity_error()
        torch.set_num_threads(1)  # the same sums in the same order every time
        self.torch = torch
        self.model, info = Gemma3ForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        bad = {k: v for k, v in info.items() if v}
        assert not bad, f"loading {folder}: {bad}"
        self.model.eval()
        self.text = self.model.model


class QuantizedReference(MLXReference):
    """Runs a quantized checkpoint in mlx-vlm with float32 activations."""

    def __init__(self, folder: Path):
        super().__init__(folder, None)
        self.model.make_cache = self.lm.make_cache


def as_on_the_hub(folder: Path) -> None:
    """Give a folder of mlx_vlm.convert the names that mlx_lm gives."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = {k.removeprefix("language_model."): v for k, v in load_file(path).items()}
    tensors = {k: v for k, v in tensors.items() if not k.startswith("lm_head.")}
    save_file(tensors, path, metadata={"format": "mlx"})
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)


def quantized_golden(folder: Path, cfg: dict, ids: np.ndarray, words: dict) -> dict:
    """mlx-vlm on the packed weights, transformers on the dequantized ones."""
    mlx = QuantizedReference(folder)
    golden = {"text.input_ids": ids, "mlx.text.logits": mlx.logits(ids), "mlx.text.greedy_ids": mlx.greedy(ids)}
    plain = {k.replace("model.language_model.", "model."): v for k, v in dequantized_weights(folder).items()}
    plain = {k: v for k, v in plain.items() if "lm_head" not in k}
    with tempfile.TemporaryDirectory() as tmp:
        write_checkpoint(Path(tmp), cfg | {"dtype": "float32"}, plain, words)
        ref = Reference(Path(tmp))
    scale = ref.text.embed_tokens.embed_scale  # scales of the file are bfloat16, and so is that of the table
    scale.copy_(scale.to(ref.torch.bfloat16).float())
    text = ref.text_golden(ids)
    golden |= {f"dequantized.{k}": text[k] for k in ("text.logits", "text.greedy_ids")}
    print(folder.name, "mlx-vlm vs dequantized transformers:", max_abs(golden["mlx.text.logits"], golden["dequantized.text.logits"]))
    return golden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write into; gemma3 in it is replaced")
    parser.add_argument("--seed", type=int, default=0, help="other seeds give other weights")
    parser.add_argument("--committed", action="store_true", help="only what is tracked")
    args = parser.parse_args()
    from tokenizers import Tokenizer

    base = args.out / "gemma3"
    shutil.rmtree(base, ignore_errors=True)
    words = tokenizer()
    ids = np.array(Tokenizer.from_str(json.dumps(words)).encode(PROMPT, add_special_tokens=False).ids, np.int32)
    shape = (64, 4) if args.committed else (128, 7)
    weights = make_weights(config(*shape, "float32"), args.seed)
    for dtype in ("bfloat16", "float32"):
        cfg = config(*shape, dtype)
        write_checkpoint(base / {"bfloat16": "hf-bf16", "float32": "hf-f32"}[dtype], cfg, weights, words)
    ref = Reference(base / "hf-f32")
    golden = ref.text_golden(ids)
    if not args.committed:
        golden |= ref.text_with_rounded_scale(ids)
    save_golden(base / "golden-hf.safetensors", golden, "transformers, float32, hf-f32")
    print("cache vs no cache:", ref.cache_error(golden), "tokens:", len(ids))
    top = np.sort(golden["text.greedy_logits"], -1)[:, -2:]
    print("smallest greedy margin:", float((top[:, 1] - top[:, 0]).min()), "largest logit:", float(np.abs(golden["text.logits"]).max()))
    if args.committed:
        shutil.rmtree(base / "hf-f32")
    else:
        for name, quant in QUANTS.items():
            folder = base / f"mlx-{name}"
            convert_to_mlx(base / "hf-bf16", folder, quant)
            made = quantized_golden(folder, config(*shape, "float32"), ids, words)
            if name == "q8g64":
                as_on_the_hub(folder)
            save_golden(base / f"golden-mlx-{name}.safetensors", made, folder.name)
    for path in base.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    main()
