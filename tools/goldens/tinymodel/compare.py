"""Distances between two results and what the streaming rule promises."""
from __future__ import annotations

import numpy as np

GREEDY_STEPS = 8  # tokens of every greedy continuation


def max_abs(a, b) -> float:
    """The largest absolute difference, computed in float64."""
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())


def streaming_check(ref, wave: np.ndarray) -> dict:
    """Encode prefixes of the clip: from how many samples on is token u final?"""
    torch = ref.torch

    def soft(x):
        data = ref.audio_inputs(x)
        with torch.no_grad():
            feats = ref.model.model.get_audio_features(**data, return_dict=True)
        return feats.pooler_output[0][feats.attention_mask[0].bool()].numpy()

    full = soft(wave)
    final, early = [], []
    for u in range(len(full) - 1):
        n = 640 * (u + 1) + (0 if ref.variant.unified else 1)
        got = soft(wave[:n])
        assert len(got) == u + 1, (len(got), u)
        final.append(max_abs(got, full[: u + 1]))
        shorter = soft(wave[: n - 1])  # the last token still lacks its last sample
        early.append(max_abs(shorter[u], full[u]))
    return {
        "tokens": len(full), "samples_needed_for_token_u": "640(u+1)" + ("" if ref.variant.unified else "+1"),
        "max_change_after_that": max(final), "max_change_if_one_sample_is_missing": max(early),
    }

