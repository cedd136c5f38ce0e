"""A checkpoint in MLX's affine layout: `python -m train.quantize CHECKPOINT OUT --bits 8 --group 64`.

Every linear and embedding is quantized, those of the towers too; mlx-vlm loads what has scales.
"""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

# mlx-vlm 0.7.10 casts the inputs of these to the type of their weight, which is an integer once it is packed
KEEP = ("patch_embedder.input_proj", "relative_k_proj", "pos_proj")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--group", type=int, default=64)
    args = parser.parse_args()

    import mlx.core as mx
    import mlx.nn as nn
    from mlx.utils import tree_flatten
    from mlx_vlm.utils import load_model

    model = load_model(args.checkpoint)

    def wanted(path: str, module) -> bool:
        if not hasattr(module, "to_quantized") or path.endswith(KEEP):
            return False
        return module.weight.ndim == 2 and module.weight.shape[-1] % args.group == 0

    nn.quantize(model, args.group, args.bits, class_predicate=wanted)
    args.out.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(args.out / "model.safetensors"), dict(tree_flatten(model.parameters())), metadata={"format": "mlx"})
    (args.out / "model.safetensors").chmod(0o644)
    settings = json.loads((args.checkpoint / "config.json").read_text())
    settings["quantization"] = settings["quantization_config"] = dict(group_size=args.group, bits=args.bits, mode="affine")
    (args.out / "config.json").write_text(json.dumps(settings, indent=1) + "\n")
    for path in args.checkpoint.iterdir():
        if path.name not in ("model.safetensors", "config.json"):
            shutil.copy(path, args.out)
    print(f"{args.out}: {sum(p.stat().st_size for p in args.out.iterdir())} bytes")


if __name__ == "__main__":
    main()
