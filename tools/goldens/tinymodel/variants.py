"""The four forms of the model in miniature, their sizes and the quantized layouts."""
from __future__ import annotations

import copy
from dataclasses import dataclass, field

from .tokenizer import MEDIA_SPECIALS, VOCAB_SIZE

ROPE = {
    "full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1_000_000.0, "rope_type": "proportional"},
    "sliding_attention": {"rope_theta": 10_000.0, "rope_type": "default"},
}
SLIDING, FULL = "sliding_attention", "full_attention"
S, F = SLIDING, FULL


@dataclass
class Variant:
    """One form: the three sub-configurations and what else differs between the forms."""

    name: str
    text: dict
    vision: dict
    audio: dict | None = None  # None: the form does not hear
    unified: bool = False  # the 12B: no towers, patches and samples go straight in
    large: bool = True  # which flavour of the chat template
    soft_tokens: int = 70  # at most, for one picture
    quants: list[str] = field(default_factory=lambda: ["q4g64", "q4g32", "q8g64", "mixed"])

    def config(self, dtype: str) -> dict:
        """config.json"""
        first_media = VOCAB_SIZE - len(MEDIA_SPECIALS)
        ids = {t: first_media + i for i, t in enumerate(MEDIA_SPECIALS)}
        kind = "gemma4_unified" if self.unified else "gemma4"
        return {
            "architectures": ["Gemma4UnifiedForConditionalGeneration" if self.unified else "Gemma4ForConditionalGeneration"],
            "model_type": kind,
            "dtype": dtype,
            "audio_config": self.audio,
            "audio_token_id": ids["<|audio|>"],
            "boa_token_id": ids["<|audio>"],
            "boi_token_id": ids["<|image>"],
            "eoa_token_id": ids["<audio|>"],
            "eoa_token_index": ids["<audio|>"],
            "eoi_token_id": ids["<image|>"],
            "image_token_id": ids["<|image|>"],
            "video_token_id": ids["<|video|>"],
            "eos_token_id": [1, 106],
            "initializer_range": 0.02,
            "text_config": self.text | {"dtype": dtype},
            "tie_word_embeddings": True,
            "vision_config": self.vision,
            "vision_soft_tokens_per_image": self.soft_tokens,
        }

    def processor_config(self) -> dict:
        """processor_config.json"""
        prefix = "Gemma4Unified" if self.unified else "Gemma4"
        geometry = {
            "do_convert_rgb": True, "do_normalize": False, "do_rescale": True, "do_resize": True,
            "image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0], "max_soft_tokens": self.soft_tokens,
            "patch_size": 16, "pooling_kernel_size": 3, "resample": 3, "rescale_factor": 1 / 255,
        }
        if self.unified:
            features = {"feature_size": 640, "audio_samples_per_token": 640, "sampling_rate": 16000,
                        "padding_side": "right", "padding_value": 0.0, "return_attention_mask": True}
        else:
            features = {
                "dither": 0.0, "feature_size": 128, "fft_length": 512, "fft_overdrive": False, "frame_length": 320,
                "hop_length": 160, "input_scale_factor": 1.0, "max_frequency": 8000.0, "mel_floor": 0.001,
                "min_frequency": 0.0, "padding_side": "right", "padding_value": 0.0, "per_bin_mean": None,
                "per_bin_stddev": None, "preemphasis": 0.0, "preemphasis_htk_flavor": True,
                "return_attention_mask": True, "sampling_rate": 16000,
            }
        return {
            "audio_ms_per_token": 40,
            "audio_seq_length": 750,
            "image_seq_length": self.soft_tokens,
            "processor_class": f"{prefix}Processor",
            "feature_extractor": {"feature_extractor_type": f"{prefix}AudioFeatureExtractor"} | features,
            "image_processor": {"image_processor_type": f"{prefix}ImageProcessor"} | geometry,
            "video_processor": {"video_processor_type": f"{prefix}VideoProcessor", "do_sample_frames": True,
                                "num_frames": 32} | geometry,
        }


def text_config(**kw) -> dict:
    """A text_config with every key that released files have; `kw` are those that differ."""
    base = {
        "model_type": "gemma4_text", "vocab_size": VOCAB_SIZE, "vocab_size_per_layer_input": VOCAB_SIZE,
        "attention_bias": False, "attention_dropout": 0.0, "attention_k_eq_v": False, "bos_token_id": 2,
        "enable_moe_block": False, "eos_token_id": 1, "final_logit_softcapping": 30.0,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size_per_layer_input": 0, "initializer_range": 0.02,
        "max_position_embeddings": 4096, "moe_intermediate_size": None, "num_experts": None,
        "num_global_key_value_heads": None, "num_kv_shared_layers": 0, "pad_token_id": 0, "rms_norm_eps": 1e-6,
        "rope_parameters": ROPE, "sliding_window": 32, "tie_word_embeddings": True, "top_k_experts": None,
        "use_bidirectional_attention": None, "use_cache": True, "use_double_wide_mlp": False,
    }
    cfg = base | kw
    cfg["num_hidden_layers"] = len(cfg["layer_types"])
    return cfg


def vision_config(**kw) -> dict:
    """The same for a vision tower."""
    base = {
        "model_type": "gemma4_vision", "num_hidden_layers": 2, "patch_size": 16, "pooling_kernel_size": 3,
        "position_embedding_size": 256, "default_output_length": 70, "hidden_activation": "gelu_pytorch_tanh",
        "rms_norm_eps": 1e-6, "rope_parameters": {"rope_theta": 100.0, "rope_type": "default"},
        "attention_bias": False, "attention_dropout": 0.0, "initializer_range": 0.02, "max_position_embeddings": 4096,
        "standardize": False, "use_clipped_linears": False,
    }
    cfg = base | kw
    cfg["num_key_value_heads"] = cfg["num_attention_heads"]
    cfg["global_head_dim"] = cfg["head_dim"] = cfg["hidden_size"] // cfg["num_attention_heads"]
    return cfg


VARIANTS = {
    v.name: v
    for v in [
        # E2B/E4B: PLE, KV sharing, double-wide MLP, clipped towers, audio
        Variant(
            "e",
            text_config(hidden_size=64, intermediate_size=128, layer_types=[S, S, F, S, F], num_attention_heads=4,
                        num_key_value_heads=1, head_dim=16, global_head_dim=32, num_kv_shared_layers=2,
                        use_double_wide_mlp=True, hidden_size_per_layer_input=64),
            vision_config(hidden_size=32, intermediate_size=64, num_attention_heads=2, use_clipped_linears=True),
            {
                "model_type": "gemma4_audio", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                "hidden_act": "silu", "subsampling_conv_channels": [128, 8], "conv_kernel_size": 5,
                "residual_weight": 0.5, "attention_chunk_size": 12, "attention_context_left": 13,
                "attention_context_right": 0, "attention_logit_cap": 50.0, "attention_invalid_logits_value": -1e9,
                "use_clipped_linears": True, "rms_norm_eps": 1e-6, "gradient_clipping": 1e10,
                "output_proj_dims": 64, "initializer_range": 0.02,
            },
            large=False,
        ),
        # 31B: k_eq_v, vision blocks, standardized vision tower, sqrt(hidden) not a bf16 number
        Variant(
            "dense",
            text_config(hidden_size=128, intermediate_size=192, layer_types=[S, S, S, F], num_attention_heads=4,
                        num_key_value_heads=2, num_global_key_value_heads=1, head_dim=32, global_head_dim=64,
                        attention_k_eq_v=True, use_bidirectional_attention="vision"),
            vision_config(hidden_size=48, intermediate_size=80, num_attention_heads=2, standardize=True),
        ),
        # 26B-A4B: the same with experts
        Variant(
            "moe",
            text_config(hidden_size=64, intermediate_size=128, layer_types=[S, S, S, F], num_attention_heads=4,
                        num_key_value_heads=2, num_global_key_value_heads=1, head_dim=16, global_head_dim=32,
                        attention_k_eq_v=True, use_bidirectional_attention="vision", enable_moe_block=True,
                        num_experts=8, top_k_experts=2, moe_intermediate_size=64),
            vision_config(hidden_size=48, intermediate_size=80, num_attention_heads=2, standardize=True),
        ),
        # 12B: no towers
        Variant(
            "unified",
            text_config(model_type="gemma4_unified_text", hidden_size=64, intermediate_size=128,
                        layer_types=[S, F, S, F], num_attention_heads=4, num_key_value_heads=2,
                        num_global_key_value_heads=1, head_dim=16, global_head_dim=32, attention_k_eq_v=True,
                        use_bidirectional_attention="vision"),
            {
                "model_type": "gemma4_unified_vision", "patch_size": 16, "pooling_kernel_size": 3,
                "model_patch_size": 48, "mm_embed_dim": 32, "mm_posemb_size": 96, "num_soft_tokens": 70,
                "output_proj_dims": 32, "rms_norm_eps": 1e-6, "initializer_range": 0.02,
            },
            {
                "model_type": "gemma4_unified_audio", "audio_embed_dim": 640, "audio_samples_per_token": 640,
                "hidden_size": 640, "output_proj_dims": 640, "rms_norm_eps": 1e-6, "initializer_range": 0.02,
            },
            unified=True,
        ),
    ]
}

# arguments of mlx_vlm.convert; eight_bit: path fragments that get an 8-bit override in config.json
QUANTS = {
    "q4g64": dict(q_group_size=64, q_bits=4),
    "q4g32": dict(q_group_size=32, q_bits=4),
    "q8g64": dict(q_group_size=64, q_bits=8),
    "mixed": dict(q_group_size=64, q_bits=4, eight_bit=(".mlp.", "router")),
    "q4g128": dict(q_group_size=128, q_bits=4),
    "q2g32": dict(q_group_size=32, q_bits=2),
    "q3g64": dict(q_group_size=64, q_bits=3),
    "q5g64": dict(q_group_size=64, q_bits=5),
    "q6g64": dict(q_group_size=64, q_bits=6),
    "mxfp4": dict(q_group_size=32, q_bits=4, q_mode="mxfp4"),
    "mxfp8": dict(q_group_size=32, q_bits=8, q_mode="mxfp8"),
    "nvfp4": dict(q_group_size=16, q_bits=4, q_mode="nvfp4"),
}

# key of a sub-configuration -> what its width must be a multiple of
WIDTHS = {
    "hidden_size": 16, "intermediate_size": 16, "hidden_size_per_layer_input": 16, "moe_intermediate_size": 16,
    "head_dim": 8, "global_head_dim": 16, "mm_embed_dim": 16, "output_proj_dims": 16,
}


def resized(variant: Variant, scale: float = 1.0, depth: int = 1, window: int | None = None) -> Variant:
    """The same form with all widths times `scale`, `depth` times the layers and another sliding window.

    640 samples a token and the vocabulary stay as they are. From `scale` 1 on, all rows that the
    quantizer meets at `scale` 1 can still be cut into groups of 64; below, it leaves some as they are.
    """
    out = copy.deepcopy(variant)
    for part in (out.text, out.vision, out.audio):
        if part is None or scale == 1.0:
            continue
        if part.get("model_type") == "gemma4_unified_audio":
            continue  # a token is 640 samples, whatever the rest is
        for key, unit in WIDTHS.items():
            if part.get(key):
                part[key] = max(unit, round(part[key] * scale / unit) * unit)
    out.text["layer_types"] = out.text["layer_types"] * depth
    out.text["num_hidden_layers"] *= depth
    out.text["num_kv_shared_layers"] *= depth
    for tower in (out.vision, out.audio):
        if tower is not None and "num_hidden_layers" in tower:
            tower["num_hidden_layers"] *= depth
    if not out.unified:
        heads = out.vision["num_attention_heads"]
        out.vision["global_head_dim"] = out.vision["head_dim"] = out.vision["hidden_size"] // heads
    if window:
        out.text["sliding_window"] = window
    return out
