"""Goldens from transformers in float32."""
from __future__ import annotations

import copy
from pathlib import Path

import numpy as np

from .checkpoint import hf_classes
from .compare import GREEDY_STEPS, max_abs
from .masks import overlay_masks, reference_masks
from .variants import Variant


class HFReference:
    """Runs a checkpoint in float32 and collects reference tensors."""

    def __init__(self, folder: Path, variant: Variant):
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        torch.set_num_threads(1)  # the same sums in the same order every time
        self.torch, self.variant = torch, variant
        _, model_cls = hf_classes(variant)
        self.model, info = model_cls.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        bad = {k: v for k, v in info.items() if v}
        assert not bad, f"loading {folder}: {bad}"
        self.model.eval()
        self.text = self.model.model.language_model

    def _run(self, **kw):
        with self.torch.no_grad():
            return self.model(use_cache=False, **kw)

    def _ids(self, a: np.ndarray):
        return self.torch.from_numpy(a.astype(np.int64))[None]

    def _capture(self, modules: dict):
        store = {}

        def keep(name):
            def hook(_m, _args, output):
                out = output[0] if isinstance(output, tuple) else output
                store[name] = out.detach()[0].float().numpy().copy()
            return hook

        handles = [m.register_forward_hook(keep(n)) for n, m in modules.items()]
        return store, handles

    def text_golden(self, ids: np.ndarray) -> dict:
        """Hidden states and logits of one pass, then a greedy continuation with a KV cache."""
        out = {"text.input_ids": ids}
        modules = {f"text.layer.{i}": layer for i, layer in enumerate(self.text.layers)} | {"text.final_norm": self.text.norm}
        store, handles = self._capture(modules)
        entry = self.text.layers[0].register_forward_pre_hook(
            lambda _m, args, kwargs: store.__setitem__("text.embeddings", args[0][0].detach().numpy().copy()), with_kwargs=True
        )
        out["text.logits"] = self._run(input_ids=self._ids(ids)).logits[0].numpy()
        for h in [*handles, entry]:
            h.remove()
        out |= store
        ids_out, logits = self.greedy({"input_ids": self._ids(ids)})
        out |= {"text.greedy_ids": ids_out, "text.greedy_logits": logits}
        return out

    def cache_error(self, golden: dict) -> float:
        """Greedy rows were made with a KV cache; compare with one pass over prompt and answer."""
        everything = np.concatenate([golden["text.input_ids"], golden["text.greedy_ids"][:-1]])
        rows = self._run(input_ids=self._ids(everything)).logits[0, -GREEDY_STEPS:].numpy()
        return max_abs(rows, golden["text.greedy_logits"])

    def bfloat16_drift(self, golden: dict) -> dict:
        """How far a plain bfloat16 run strays: a guide for test tolerances."""
        torch = self.torch
        model = copy.deepcopy(self.model).to(torch.bfloat16)
        with torch.no_grad():
            got = model(input_ids=self._ids(golden["text.input_ids"]), use_cache=False).logits[0].float().numpy()
        diff = np.abs(got - golden["text.logits"])
        return {"mean": float(diff.mean()), "max": float(diff.max())}

    def text_with_rounded_scale(self, ids: np.ndarray) -> dict:
        """Same prompt with sqrt(hidden_size) rounded to bfloat16, as a bf16 run multiplies it."""
        torch, embed = self.torch, self.text.embed_tokens
        exact = embed.embed_scale.clone()
        embed.embed_scale.copy_(exact.to(torch.bfloat16).float())
        logits = self._run(input_ids=self._ids(ids)).logits[0].numpy()
        embed.embed_scale.copy_(exact)
        return {"text.logits_bf16_scale": logits}

    def greedy(self, inputs: dict, steps: int = GREEDY_STEPS) -> tuple[np.ndarray, np.ndarray]:
        """Ids and the rows of logits they were chosen from."""
        torch = self.torch
        ids, rows, cache = [], [], None
        with torch.no_grad():
            step = inputs
            for _ in range(steps):
                out = self.model(**step, past_key_values=cache, use_cache=True)
                cache = out.past_key_values
                rows.append(out.logits[0, -1].numpy().copy())
                ids.append(int(rows[-1].argmax()))
                step = {"input_ids": torch.tensor([[ids[-1]]])}
        return np.array(ids, np.int32), np.stack(rows)

    # -- media ------------------------------------------------------------------------------------

    def image_inputs(self, images: list) -> dict:
        """Patches and positions of already resized images, through the library's own processor."""
        from transformers.models.gemma4.image_processing_gemma4 import Gemma4ImageProcessor
        from transformers.models.gemma4_unified.image_processing_gemma4_unified import Gemma4UnifiedImageProcessor

        cls = Gemma4UnifiedImageProcessor if self.variant.unified else Gemma4ImageProcessor
        return cls(max_soft_tokens=self.variant.soft_tokens)(images, return_tensors="pt")

    def vision_golden(self, image) -> dict:
        """One picture through the tower, layer by layer."""
        data = self.image_inputs([image])
        count = int(data["num_soft_tokens_per_image"][0])
        layers = [] if self.variant.unified else self.model.model.vision_tower.encoder.layers
        store, handles = self._capture({f"vision.layer.{i}": layer for i, layer in enumerate(layers)})
        with self.torch.no_grad():
            feats = self.model.model.get_image_features(data["pixel_values"], data["image_position_ids"], return_dict=True)
        for h in handles:
            h.remove()
        valid = (data["image_position_ids"][0] >= 0).all(-1)
        tower = feats.last_hidden_state
        out = {
            "vision.positions": data["image_position_ids"][0][valid].numpy().astype(np.int32),
            "vision.patch0": data["pixel_values"][0][0].numpy(),
            "vision.tower": (tower[0][valid] if self.variant.unified else tower).numpy(),
            "vision.soft": feats.pooler_output[0].numpy(),
        }
        assert out["vision.soft"].shape[0] == count
        return out | {k: v[valid.numpy()] for k, v in store.items()}

    def audio_inputs(self, wave: np.ndarray) -> dict:
        """Mel frames (unified: rows of samples) through the library's own extractor."""
        from transformers import Gemma4AudioFeatureExtractor
        from transformers.models.gemma4_unified.feature_extraction_gemma4_unified import Gemma4UnifiedAudioFeatureExtractor

        cls = Gemma4UnifiedAudioFeatureExtractor if self.variant.unified else Gemma4AudioFeatureExtractor
        data = cls()([wave], return_tensors="pt")
        return {"input_features": data["input_features"], "input_features_mask": data["input_features_mask"]}

    def audio_golden(self, wave: np.ndarray) -> dict:
        """One clip through the tower, layer by layer."""
        data = self.audio_inputs(wave)
        mask = data["input_features_mask"][0].bool()
        out = {"audio.features": data["input_features"][0][mask].numpy()}
        if self.variant.unified:
            with self.torch.no_grad():
                out["audio.soft"] = self.model.model.get_audio_features(**data).pooler_output[0][mask].numpy()
            return out
        tower = self.model.model.audio_tower
        modules = {f"audio.layer.{i}": layer for i, layer in enumerate(tower.layers)}
        modules["audio.subsampled"] = tower.subsample_conv_projection
        store, handles = self._capture(modules)
        with self.torch.no_grad():
            feats = self.model.model.get_audio_features(**data, return_dict=True)
        for h in handles:
            h.remove()
        keep = feats.attention_mask[0]
        out |= {k: v[keep.numpy()] for k, v in store.items()}
        out |= {"audio.tower": feats.last_hidden_state[0][keep].numpy(), "audio.soft": feats.pooler_output[0][keep].numpy()}
        return out

    def mm_inputs(self, kind: str, prompt: dict, image, frames: list, wave: np.ndarray) -> dict:
        """What the model takes for a prompt of one kind: image, audio, video or both."""
        torch = self.torch
        inputs = {"input_ids": self._ids(prompt["input_ids"]), "mm_token_type_ids": self._ids(prompt["mm_token_type_ids"])}
        if kind in ("image", "both"):
            data = self.image_inputs([image])
            inputs |= {"pixel_values": data["pixel_values"], "image_position_ids": data["image_position_ids"]}
        if kind == "video":
            data = self.image_inputs(frames)
            inputs |= {"pixel_values_videos": data["pixel_values"], "video_position_ids": data["image_position_ids"],
                       "num_frames_per_video": torch.tensor([len(frames)])}
        if kind in ("audio", "both"):
            inputs |= self.audio_inputs(wave)
        return inputs

    def mm_golden(self, kind: str, prompt: dict, inputs: dict) -> dict:
        """Logits and a greedy continuation of a prompt with media."""
        out = {f"mm.{kind}.input_ids": prompt["input_ids"], f"mm.{kind}.mm_token_type_ids": prompt["mm_token_type_ids"]}
        out[f"mm.{kind}.logits"] = self._run(**inputs).logits[0].numpy()
        ids, _ = self.greedy(inputs)
        out[f"mm.{kind}.greedy_ids"] = ids
        if self.variant.large and kind != "audio":
            # The 12B class of transformers 5.23 and all of mlx-vlm let a vision block see itself in
            # *full* layers too and ignore the window inside it. The rule of the training code (which
            # transformers follows for the 26B and 31B) is the one dumped as `logits`.
            default = out[f"mm.{kind}.logits"]
            out[f"mm.{kind}.logits"] = self.logits_with_masks(inputs, reference_masks)
            out[f"mm.{kind}.logits_overlay"] = self.logits_with_masks(inputs, overlay_masks)
            same = "logits_overlay" if self.variant.unified else "logits"
            assert max_abs(default, out[f"mm.{kind}.{same}"]) < 1e-4
            if self.variant.unified:  # the prefill of that greedy run used the overlay
                out[f"mm.{kind}.greedy_ids_overlay"] = out.pop(f"mm.{kind}.greedy_ids")
        return out

    def logits_with_masks(self, inputs: dict, rule) -> np.ndarray:
        """Logits under an explicit visibility rule (large models only)."""
        torch = self.torch
        low = torch.finfo(torch.float32).min
        masks = rule(inputs["mm_token_type_ids"][0].numpy(), self.variant.text["sliding_window"])
        mapping = {k: torch.where(torch.from_numpy(v), 0.0, low)[None, None] for k, v in masks.items()}
        return self._run(**inputs, attention_mask=mapping).logits[0].numpy()
