#!/usr/bin/env python3
"""Write tiny random Gemma 4 checkpoints and reference outputs ("goldens") for tests.

For every variant (e, dense, moe, unified) the program writes, below OUT/<variant>/ :

  hf-bf16/ hf-f32/    the layout of released checkpoints: config.json, generation_config.json,
                      model.safetensors, tokenizer.json, tokenizer_config.json, processor_config.json,
                      chat_template.jinja. Both hold the same numbers: every weight is representable
                      in bfloat16.
  mlx-q4g64/ ...      the bf16 checkpoint converted by mlx_vlm.convert
  golden-hf.safetensors          transformers, float32, on the hf layouts
  golden-mlx-<quant>.safetensors mlx-vlm on the quantized checkpoint with float32 activations (keys
                                 mlx.*) and transformers in float32 on the dequantized weights (keys
                                 dequantized.*)

and below OUT/ : assets/ (test.wav, test.png, the resized picture), tokenizer_cases.json,
chat_cases.json and report.json (how far the two libraries agree, streaming against offline).
README.md beside this file lists the keys.

Goldens of bfloat16 activations are deliberately not made: the CPU kernels of MLX add up quantized
products in bfloat16 (7 % rms error at K = 4096), so such numbers would say nothing about a device
or about a good CPU implementation.

The same seed, sizes and library versions give the same bytes. All of it takes about 75 s on one core.
"""
from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from tinymodel.assets import write_assets
from tinymodel.chat_cases import CHAT_CASES, chat_template, render_chat
from tinymodel.checkpoint import make_weights, write_checkpoint
from tinymodel.compare import max_abs, streaming_check
from tinymodel.prompts import Prompts, build_prompts
from tinymodel.reference_hf import HFReference
from tinymodel.reference_mlx import MLXReference, convert_to_mlx, dequantized_weights
from tinymodel.tokenizer import BYTES_AT, TOKENIZER_STRINGS, build_tokenizer
from tinymodel.variants import QUANTS, VARIANTS, Variant, resized

PLAIN = {"hf-bf16": "bfloat16", "hf-f32": "float32"}
DEFAULT_LAYOUTS = [*PLAIN, "mlx-q4g64", "mlx-q4g32", "mlx-q8g64", "mlx-mixed"]
LAYOUTS = [*PLAIN, *(f"mlx-{name}" for name in QUANTS)]

# --keep: which keys of golden-hf are written
KEEP = {
    "all": lambda key: True,
    "media": lambda key: not key.startswith("mm.video.") and not key.endswith("_bf16_scale"),
    "text": lambda key: key.startswith("text."),
}


def save_golden(path: Path, tensors: dict, source: str) -> None:
    """Write float32 and int32 tensors; `source` says in the file's metadata what made them."""
    from safetensors.numpy import save_file

    clean = {}
    for k, v in tensors.items():
        v = np.ascontiguousarray(v)
        clean[k] = v.astype(np.float32) if v.dtype.kind == "f" else v.astype(np.int32)
    save_file(clean, path, metadata={"source": source})  # one key only: several come out in random order
    path.chmod(0o644)


def write_text_cases(out: Path, tokenizer: dict) -> None:
    """tokenizer_cases.json and chat_cases.json: what the tokenizer and the template make of the cases."""
    from tokenizers import Tokenizer

    tok = Tokenizer.from_str(json.dumps(tokenizer))
    encode = []
    for text in TOKENIZER_STRINGS:
        ids = tok.encode(text, add_special_tokens=False).ids
        encode.append({"text": text, "ids": ids, "decoded": tok.decode(ids, skip_special_tokens=False)})
    raw = [[BYTES_AT + b for b in data] for data in (b"\xf0\x9f\x99\x82", b"\xf0\x9f", b"\xff", b"a\xc3\xa9\xc3")]
    decode = [{"ids": ids, "decoded": tok.decode(ids, skip_special_tokens=False)} for ids in raw]
    chats = []
    for flavour, large in (("small", False), ("large", True)):
        template = chat_template(large)
        for name, case in CHAT_CASES.items():
            text = render_chat(template, **case)
            ids = tok.encode(text, add_special_tokens=False).ids
            chats.append({"flavour": flavour, "name": name, "input": case, "text": text, "ids": ids})
    for name, content in (("tokenizer_cases.json", {"encode": encode, "decode_only": decode}), ("chat_cases.json", chats)):
        (out / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def reference_golden(ref: HFReference, prompts: Prompts, inputs: dict, resized_image, wave, entry: dict) -> dict:
    """Everything that goes into golden-hf.safetensors; what was measured on the way goes into `entry`."""
    golden = ref.text_golden(prompts.text) | ref.text_with_rounded_scale(prompts.text) | ref.vision_golden(resized_image)
    if ref.variant.audio is not None:
        golden |= ref.audio_golden(wave)
        entry["streaming"] = streaming_check(ref, wave)
    for kind, prompt in prompts.mm.items():
        golden |= ref.mm_golden(kind, prompt, inputs[kind])
    entry["cache_vs_no_cache"] = ref.cache_error(golden)
    entry["bfloat16_text_drift"] = ref.bfloat16_drift(golden)
    top2 = np.sort(golden["text.greedy_logits"], -1)[:, -2:]
    entry["smallest_greedy_margin"] = float((top2[:, 1] - top2[:, 0]).min())
    return golden


def agreement(folder: Path, variant: Variant, prompts: Prompts, inputs: dict, golden: dict) -> dict:
    """mlx-vlm against transformers on the very same float32 checkpoint."""
    mlx = MLXReference(folder, variant)
    picture = inputs["image"]
    soft = mlx.vision(picture["pixel_values"].numpy(), picture["image_position_ids"].numpy())
    agree = {
        "text.logits": max_abs(mlx.logits(prompts.text), golden["text.logits"]),
        "text.greedy_equal": bool((mlx.greedy(prompts.text) == golden["text.greedy_ids"]).all()),
        "vision.soft": max_abs(soft, golden["vision.soft"]),
    }
    if variant.audio is not None:
        a = inputs["audio"]
        soft = mlx.audio(a["input_features"].numpy(), a["input_features_mask"].numpy())
        agree["audio.soft"] = max_abs(soft, golden["audio.soft"])
    for kind, prompt in prompts.mm.items():
        got = mlx.mm_logits(prompt, inputs[kind])
        for key in (f"mm.{kind}.logits", f"mm.{kind}.logits_overlay"):
            if key in golden:
                agree[key] = max_abs(got, golden[key])
    return agree


def quantized_golden(folder: Path, variant: Variant, tokenizer: dict, prompts: Prompts, inputs: dict) -> tuple[dict, dict]:
    """mlx-vlm on the packed weights, transformers on the dequantized ones, and their distance."""
    mlx = MLXReference(folder, variant)
    golden = {"text.input_ids": prompts.text, "mlx.text.logits": mlx.logits(prompts.text),
              "mlx.text.greedy_ids": mlx.greedy(prompts.text)}
    with tempfile.TemporaryDirectory() as tmp:
        write_checkpoint(Path(tmp), variant, dequantized_weights(folder), "float32", tokenizer)
        ref = HFReference(Path(tmp), variant)
    text = ref.text_golden(prompts.text)
    golden |= {f"dequantized.{k}": text[k] for k in ("text.logits", "text.greedy_ids")}
    agree = {"text.logits": max_abs(golden["mlx.text.logits"], golden["dequantized.text.logits"]),
             "text.greedy_equal": bool((golden["mlx.text.greedy_ids"] == golden["dequantized.text.greedy_ids"]).all())}
    for kind, prompt in prompts.mm.items():
        full = ref.mm_golden(kind, prompt, inputs[kind])
        golden[f"dequantized.mm.{kind}.logits"] = full[f"mm.{kind}.logits"]
        comparable = full.get(f"mm.{kind}.logits_overlay", full[f"mm.{kind}.logits"])
        agree[f"mm.{kind}"] = max_abs(mlx.mm_logits(prompt, inputs[kind]), comparable)
    return golden, agree


def write_variant(base: Path, variant: Variant, args: argparse.Namespace, tokenizer: dict, sound, picture) -> dict:
    """Checkpoints and goldens of one variant; returns its part of the report."""
    shutil.rmtree(base, ignore_errors=True)
    weights = make_weights(variant, args.seed)
    for layout, dtype in PLAIN.items():  # both are needed to make the goldens
        write_checkpoint(base / layout, variant, weights, dtype, tokenizer)
    n_image = (picture.width // 48) * (picture.height // 48)
    samples = len(sound)
    n_audio = -(-samples // 640) if variant.unified else -(-((samples - 1) // 160) // 4)
    prompts = build_prompts(variant, tokenizer, n_image, n_audio)
    frames = [picture, picture.transpose(0)]  # the second frame of the film is the mirrored first

    entry: dict = {"parameters": sum(v.numel() for v in weights.values())}
    ref = HFReference(base / "hf-f32", variant)
    inputs = {kind: ref.mm_inputs(kind, p, picture, frames, sound) for kind, p in prompts.mm.items()}
    golden = reference_golden(ref, prompts, inputs, picture, sound, entry)
    kept = {k: v for k, v in golden.items() if KEEP[args.keep](k)}
    if args.keep == "text":
        # A bf16 checkpoint is compared with one of the two scales: with the exact one where bf16 has it.
        exact, rounded = "text.logits", "text.logits_bf16_scale"
        if rounded in kept and np.array_equal(kept[exact], kept[rounded]):
            del kept[rounded]
        elif rounded in kept:
            kept = {k: v for k, v in kept.items() if k in (rounded, "text.input_ids", "text.greedy_ids")}
    save_golden(base / "golden-hf.safetensors", kept, "transformers, float32, hf-f32")

    quants = [layout for layout in args.layouts if layout not in PLAIN]
    if quants:
        entry["mlx_vlm_vs_transformers_f32"] = agreement(base / "hf-f32", variant, prompts, inputs, golden)
        entry["mlx_vlm_vs_dequantized_transformers"] = {}
    for layout in quants:
        convert_to_mlx(base / "hf-bf16", base / layout, QUANTS[layout.removeprefix("mlx-")])
        made, agree = quantized_golden(base / layout, variant, tokenizer, prompts, inputs)
        save_golden(base / f"golden-{layout}.safetensors", made, layout)
        entry["mlx_vlm_vs_dequantized_transformers"][layout] = agree
    for layout in PLAIN:
        if layout not in args.layouts:
            shutil.rmtree(base / layout)
    for path in base.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    entry["bytes"] = {p.parent.name: p.stat().st_size for p in sorted(base.glob("*/model.safetensors"))}
    return entry


def library_versions(with_mlx: bool) -> dict:
    """What the numbers depend on."""
    from importlib.metadata import version

    names = ["torch", "transformers", "tokenizers", "numpy", "pillow"] + (["mlx", "mlx-vlm"] if with_mlx else [])
    return {n: version(n) for n in names}


def subset(text: str, allowed: list[str], what: str) -> list[str]:
    """A comma-separated list from the command line, checked."""
    chosen = [x for x in text.split(",") if x]
    for x in chosen:
        if x not in allowed:
            sys.exit(f"unknown {what} {x!r}; there are: {', '.join(allowed)}")
    return chosen


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write into (variant folders in it are replaced)")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="comma-separated subset of: " + ", ".join(VARIANTS))
    parser.add_argument("--layouts", default=",".join(DEFAULT_LAYOUTS),
                        help=f"comma-separated subset of: {', '.join(LAYOUTS)} (default: {', '.join(DEFAULT_LAYOUTS)})")
    parser.add_argument("--seed", type=int, default=0, help="other seeds give other weights")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all widths (0.5 to 4 make sense)")
    parser.add_argument("--depth", type=int, default=1, help="factor on the number of layers")
    parser.add_argument("--window", type=int, default=None, help="sliding window in tokens (default: 32)")
    parser.add_argument("--keep", choices=list(KEEP), default="all",
                        help="keys of golden-hf: all, media (no video) or text only")
    args = parser.parse_args()
    args.variants = subset(args.variants, list(VARIANTS), "variant")
    args.layouts = subset(args.layouts, LAYOUTS, "layout")
    return args


def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    write_text_cases(args.out, tokenizer)
    sound, picture = write_assets(args.out / "assets", soft_tokens=70)
    report: dict = {"versions": library_versions(any(x not in PLAIN for x in args.layouts)), "seed": args.seed,
                    "scale": args.scale, "depth": args.depth, "window": args.window}
    for name in args.variants:
        variant = resized(VARIANTS[name], args.scale, args.depth, args.window)
        report[name] = write_variant(args.out / name, variant, args, tokenizer, sound, picture)
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
