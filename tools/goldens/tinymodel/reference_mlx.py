"""Goldens from mlx-vlm, and the quantized layouts that its converter writes."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from .compare import GREEDY_STEPS
from .variants import Variant


def convert_to_mlx(source: Path, target: Path, quant: dict) -> None:
    """Run mlx_vlm.convert; `quant` is one of variants.QUANTS."""
    from mlx_vlm.convert import convert
    from mlx_vlm.utils import skip_multimodal_module

    quant = dict(quant)
    eight_bit = quant.pop("eight_bit", None)

    def override(path, module):
        if skip_multimodal_module(path) or not hasattr(module, "to_quantized"):
            return False
        return {"group_size": 64, "bits": 8} if any(s in path for s in eight_bit) else True

    shutil.rmtree(target, ignore_errors=True)
    convert(str(source), str(target), quantize=True, quant_predicate=override if eight_bit else None, **quant)
    (target / "README.md").unlink(missing_ok=True)


def dequantize(packed: np.ndarray, scales: np.ndarray, biases: np.ndarray, group: int, bits: int) -> np.ndarray:
    """The affine layout, from its description: LSB-first bit string, w = scale * q + bias."""
    stream = np.unpackbits(np.ascontiguousarray(packed).view(np.uint8), axis=-1, bitorder="little")
    q = stream.reshape(*packed.shape[:-1], -1, bits) @ (1 << np.arange(bits))
    return (q * np.repeat(scales, group, -1) + np.repeat(biases, group, -1)).astype(np.float32)


def dequantized_weights(folder: Path) -> dict:
    """Hub name -> float32 tensor of a checkpoint that mlx_vlm.convert wrote."""
    import mlx.core as mx
    import torch
    from safetensors.torch import load_file

    stored = load_file(folder / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text())["quantization"]
    plain = {}
    for name, value in stored.items():
        path, _, leaf = name.rpartition(".")
        if leaf in ("scales", "biases"):
            continue
        if f"{path}.scales" not in stored:
            plain[name] = value.float().numpy()
            continue
        own = settings.get(path, settings)
        mode, group, bits = own.get("mode", "affine"), own["group_size"], own["bits"]
        if mode == "affine":
            scales, biases = (stored[f"{path}.{x}"].float().numpy() for x in ("scales", "biases"))
            plain[name] = dequantize(value.numpy(), scales, biases, group, bits)
        else:
            w, scales = mx.array(value.numpy()), mx.array(stored[f"{path}.scales"].numpy())
            plain[name] = np.array(mx.dequantize(w, scales, None, group, bits, mode=mode).astype(mx.float32))
    hub = {}
    for name, value in plain.items():
        if name.endswith("switch_glu.gate_proj.weight"):
            value = np.concatenate([value, plain[name.replace("gate_proj", "up_proj")]], axis=-2)
            name = name.replace("switch_glu.gate_proj.weight", "gate_up_proj")
        elif name.endswith("switch_glu.up_proj.weight"):
            continue
        elif name.endswith("switch_glu.down_proj.weight"):
            name = name.replace("switch_glu.down_proj.weight", "down_proj")
        elif "depthwise_conv1d" in name or ".conv.weight" in name:
            value = np.moveaxis(value, -1, 1)
        name = "model." + name.replace("language_model.model.", "language_model.")
        hub[name] = torch.from_numpy(np.array(value, order="C"))
    return hub


class MLXReference:
    """Runs a checkpoint in mlx-vlm with float32 activations."""

    def __init__(self, folder: Path, variant: Variant):
        import mlx.core as mx
        import mlx.nn as nn
        from mlx.utils import tree_map
        from mlx_vlm.utils import load_model

        self.mx, self.variant = mx, variant
        self.model = load_model(folder)
        # packed weights stay as they are; scales, biases and everything else become float32
        widen = lambda a: a.astype(mx.float32) if mx.issubdtype(a.dtype, mx.floating) else a
        self.model.update(tree_map(widen, self.model.parameters()))
        self.lm = self.model.language_model
        # mxfp4/mxfp8/nvfp4 have no float parameter whose type an embedding row could take: mlx says bfloat16
        for _, module in self.model.named_modules():
            if isinstance(module, nn.QuantizedEmbedding) and module.mode != "affine":
                module.__class__ = type("WideEmbedding", (nn.QuantizedEmbedding,), {
                    "__call__": lambda self, ids: nn.QuantizedEmbedding.__call__(self, ids).astype(mx.float32)})

    def _np(self, a) -> np.ndarray:
        return np.array(a.astype(self.mx.float32))

    def _ids(self, a: np.ndarray):
        return self.mx.array(a.astype(np.int32))[None]

    def logits(self, ids: np.ndarray, **kw) -> np.ndarray:
        """Logits of one pass."""
        return self._np(self.model(self._ids(ids), **kw).logits)[0]

    def greedy(self, ids: np.ndarray, steps: int = GREEDY_STEPS) -> np.ndarray:
        """Ids of a greedy continuation with a cache."""
        mx, cache, out = self.mx, self.model.make_cache(), []
        step = self._ids(ids)
        for _ in range(steps):
            row = self.lm(step, cache=cache).logits[0, -1]
            out.append(int(mx.argmax(row).item()))
            step = mx.array([[out[-1]]])
        return np.array(out, np.int32)

    def vision(self, pixels, positions) -> np.ndarray:
        """Soft tokens of a picture."""
        mx = self.mx
        if self.variant.unified:
            return self._np(self.model.get_image_features(mx.array(pixels), mx.array(positions)))
        return self._np(self.model.encode_image(mx.array(pixels), mx.array(positions)))[0]

    def audio(self, features, mask) -> np.ndarray:
        """Soft tokens of a clip."""
        mx = self.mx
        if self.variant.unified:
            return self._np(self.model.get_audio_features(mx.array(features), mx.array(mask)))
        encoded, padded = self.model.audio_tower(mx.array(features), ~mx.array(mask))
        keep = np.array(~padded)[0]
        return self._np(self.model.embed_audio(encoded))[0][keep]

    def mm_logits(self, prompt: dict, inputs: dict) -> np.ndarray:
        """`inputs` are the transformers inputs; the same arrays are fed to mlx-vlm."""
        mx = self.mx
        names = ("pixel_values", "image_position_ids", "pixel_values_videos", "video_position_ids",
                 "input_features", "input_features_mask")
        kw = {k: mx.array(inputs[k].numpy()) for k in names if k in inputs}
        emb = self.model.get_input_embeddings(self._ids(prompt["input_ids"]), **kw)
        out = self.lm(None, inputs_embeds=emb.inputs_embeds, per_layer_inputs=emb.per_layer_inputs,
                      mm_token_type_ids=self._ids(prompt["mm_token_type_ids"]))
        return self._np(out.logits)[0]

