"""The forward pass of the small Gemma 4 for training, flat, so that each layer compiles into one graph.

It takes packed rows: several dialogues stand in one row of tokens, several clips in one row of mel frames, and
nothing sees across the borders. `python -m train.forward` compares it with transformers (relative difference 1e-6).
"""
from __future__ import annotations

import torch
import torch.nn.functional as F

from .shape import SPECIALS


def rms(x, weight=None, eps: float = 1e-6):
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


def bias(seen, dtype):
    """A mask as what is added to the attention logits: made once here, not again in every layer."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, float("-inf"))


# ---- text ----------------------------------------------------------------------------------------


def text_layer(heads: int, dim: int, shared: bool):
    """One decoder layer as a function of tensors; a shared layer takes keys and values from an earlier one."""

    def layer(x, per_layer, cos, sin, mask, k, v, w):
        batch, length, _ = x.shape
        split = lambda y, n: y.view(batch, length, n, dim)
        y = rms(x, w["input_layernorm.weight"])
        q = rms(split(F.linear(y, w["self_attn.q_proj.weight"]), heads), w["self_attn.q_norm.weight"])
        q = rotate(q.transpose(1, 2), cos, sin)
        if not shared:
            k = rms(split(F.linear(y, w["self_attn.k_proj.weight"]), 1), w["self_attn.k_norm.weight"])
            k = rotate(k.transpose(1, 2), cos, sin)
            v = rms(split(F.linear(y, w["self_attn.v_proj.weight"]), 1)).transpose(1, 2)
        wide = lambda z: z.expand(batch, heads, length, dim)
        o = F.scaled_dot_product_attention(q, wide(k), wide(v), attn_mask=mask, scale=1.0)
        o = F.linear(o.transpose(1, 2).reshape(batch, length, heads * dim), w["self_attn.o_proj.weight"])
        x = x + rms(o, w["post_attention_layernorm.weight"])
        y = rms(x, w["pre_feedforward_layernorm.weight"])
        y = F.gelu(F.linear(y, w["mlp.gate_proj.weight"]), approximate="tanh") * F.linear(y, w["mlp.up_proj.weight"])
        x = x + rms(F.linear(y, w["mlp.down_proj.weight"]), w["post_feedforward_layernorm.weight"])
        y = F.gelu(F.linear(x, w["per_layer_input_gate.weight"]), approximate="tanh") * per_layer
        x = x + rms(F.linear(y, w["per_layer_projection.weight"]), w["post_per_layer_input_norm.weight"])
        return x * w["scalar"].to(x.dtype), k, v

    return layer


class Text:
    """ids (B, T), 0 where a soft token stands; soft (B, T, D) their embeddings; segment (B, T): which dialogue."""

    def __init__(self, model):
        self.model, self.config = model, model.config
        c = self.config
        self.first_shared = c.num_hidden_layers - c.num_kv_shared_layers
        self.weights = [dict(list(l.named_parameters()) + [("scalar", l.layer_scalar)]) for l in model.layers]
        self.layers = {}
        for i, l in enumerate(model.layers):
            key = (c.layer_types[i], i >= self.first_shared)
            self.layers[key] = text_layer(c.num_attention_heads, l.self_attn.head_dim, key[1])

    def __call__(self, ids, soft, is_soft, segment=None):
        m, c = self.model, self.config
        batch, length = ids.shape
        x = F.embedding(ids, m.embed_tokens.weight, padding_idx=0) * c.hidden_size**0.5
        x = torch.where(is_soft[..., None], soft.to(x.dtype), x)
        per_layer = self._per_layer_inputs(ids, x)
        masks, ropes = self._masks(ids, segment, x.dtype), self._ropes(ids, x.dtype)
        shared_kv = {}
        for i, kind in enumerate(c.layer_types):
            shared = i >= self.first_shared
            k, v = shared_kv[kind] if shared else (None, None)
            layer = self.layers[kind, shared]
            x, k, v = layer(x, per_layer[:, :, i], *ropes[kind], masks[kind], k, v, self.weights[i])
            if not shared:
                shared_kv[kind] = k, v
        return rms(x, m.norm.weight)

    def _per_layer_inputs(self, ids, x):
        m, c = self.model, self.config
        shape = (*ids.shape, len(c.layer_types), c.hidden_size_per_layer_input)
        projected = (F.linear(x, m.per_layer_model_projection.weight) * c.hidden_size**-0.5).view(shape)
        looked_up = F.embedding(ids, m.embed_tokens_per_layer.weight, padding_idx=0).view(shape)
        projected = rms(projected, m.per_layer_projection_norm.weight)
        return (projected + looked_up * c.hidden_size_per_layer_input**0.5) * 2**-0.5

    def _masks(self, ids, segment, dtype):
        t = torch.arange(ids.shape[1], device=ids.device)
        back = t[:, None] - t[None]
        same = (segment[:, None, :, None] == segment[:, None, None]) if segment is not None else (back == back)[None, None]
        full = same & (back >= 0)
        sliding = full & (back < self.config.sliding_window)
        return {"full_attention": bias(full, dtype), "sliding_attention": bias(sliding, dtype)}

    def _ropes(self, ids, dtype):
        t = torch.arange(ids.shape[1], device=ids.device)[:, None].float()
        out = {}
        for kind in ("full_attention", "sliding_attention"):
            angle = t * getattr(self.model.rotary_emb, kind + "_inv_freq")[None].float()
            angle = torch.cat((angle, angle), -1)
            out[kind] = angle.cos().to(dtype), angle.sin().to(dtype)
        return out


# ---- audio ---------------------------------------------------------------------------------------


def audio_layer(example):
    """One conformer layer as a function; all layers are alike but for their weights."""
    a = example.self_attn
    heads, dim, chunk, past, cap = a.num_heads, a.head_dim, a.chunk_size, a.max_past_horizon, a.attention_logits_soft_cap
    q_scale, k_scale, eps = a.q_scale, a.k_scale, example.lconv1d.pre_layer_norm.eps
    kernel = example.lconv1d.depthwise_conv1d.kernel_size[0]

    def feed_forward(w, name, scale, x):
        y = rms(x, w[name + ".pre_layer_norm.weight"])
        y = F.linear(F.silu(F.linear(y, w[name + ".ffw_layer_1.linear.weight"])), w[name + ".ffw_layer_2.linear.weight"])
        return x + rms(y, w[name + ".post_layer_norm.weight"]) * scale

    def attention(w, x, position, hidden):
        n, length, _ = x.shape
        blocks, window = hidden.shape[1], chunk + past
        pad = blocks * chunk - length
        project = lambda letter: F.linear(x, w[f"self_attn.{letter}_proj.linear.weight"]).view(n, length, heads, dim)
        q = project("q") * (q_scale * F.softplus(w["self_attn.per_dim_scale"].float())).to(x.dtype)
        q = F.pad(q, (0, 0, 0, 0, 0, pad)).view(n, blocks, chunk, heads, dim).permute(0, 3, 1, 2, 4)

        def context(z):  # every block with the `past` frames before it
            z = F.pad(z, (0, 0, 0, 0, chunk, pad)).view(n, blocks + 1, chunk, heads, dim)
            return torch.cat((z[:, :-1, chunk - past:], z[:, 1:]), 2).permute(0, 3, 1, 2, 4)

        k, v = context(project("k") * k_scale), context(project("v"))
        relative = F.linear(position, w["self_attn.relative_k_proj.weight"]).view(-1, heads, dim)
        spans = relative.shape[0]
        by_position = q.reshape(n, heads, blocks * chunk, dim) @ relative.permute(1, 2, 0)
        by_position = F.pad(by_position.view(n, heads, blocks, chunk, spans), (0, window + 1 - spans))
        by_position = by_position.reshape(n, heads, blocks, chunk * (window + 1))[..., : chunk * window]
        logits = (q @ k.transpose(-1, -2) + by_position.reshape(n, heads, blocks, chunk, window)).float()
        logits = torch.tanh(logits / cap) * cap
        p = torch.softmax(logits.masked_fill(hidden[:, None], -1e9), -1).to(x.dtype)
        out = (p @ v).permute(0, 2, 3, 1, 4).reshape(n, blocks * chunk, heads * dim)[:, :length]
        return F.linear(out, w["self_attn.post.linear.weight"])

    def convolution(w, x, real):
        y = F.linear(rms(x, w["lconv1d.pre_layer_norm.weight"], eps), w["lconv1d.linear_start.linear.weight"])
        y = F.pad(F.glu(y, -1) * real, (0, 0, kernel - 1, 0))
        taps = w["lconv1d.depthwise_conv1d.weight"][:, 0]
        y = sum(y[:, j: j + x.shape[1]] * taps[:, j] for j in range(kernel))
        return F.linear(F.silu(rms(y, w["lconv1d.conv_norm.weight"], eps)), w["lconv1d.linear_end.linear.weight"])

    def layer(x, position, hidden, real, w):
        x = feed_forward(w, "feed_forward1", example.feed_forward1.post_layer_scale, x)
        x = x + rms(attention(w, rms(x, w["norm_pre_attn.weight"]), position, hidden), w["norm_post_attn.weight"])
        x = x + convolution(w, x, real)
        x = feed_forward(w, "feed_forward2", example.feed_forward2.post_layer_scale, x)
        return rms(x, w["norm_out.weight"])

    return layer


class Audio:
    """mel (R, F, 128), clip (R, F): which clip a frame belongs to, -1 for none -> (R, F/4, out).

    Clips start at multiples of four frames and stand at least 16 frames apart.
    """

    def __init__(self, tower):
        self.tower = tower
        self.weights = [dict(l.named_parameters()) for l in tower.layers]
        self.layer = audio_layer(tower.layers[0])

    def subsample(self, conv, x, mask):
        x, weight = x * mask[:, None, :, None].to(x.dtype), conv.conv.weight
        if x.shape[1] == 1:  # one channel: a product of the nine neighbours is many times as fast as a convolution
            x = F.pad(x[:, 0], (1, 1, 1, 1)).unfold(1, 3, 2).unfold(2, 3, 2).flatten(3) @ weight.view(len(weight), 9).T
        else:
            x = F.conv2d(x, weight, stride=2, padding=1).permute(0, 2, 3, 1)
        x = F.relu(F.layer_norm(x, (x.shape[-1],), conv.norm.weight, None, conv.norm.eps))
        return x.permute(0, 3, 1, 2), mask[:, ::2]

    def __call__(self, mel, clip):
        t, convs = self.tower, self.tower.subsample_conv_projection
        x, mask = self.subsample(convs.layer0, mel[:, None], clip >= 0)
        x, mask = self.subsample(convs.layer1, x, mask)
        x = x.permute(0, 2, 3, 1)
        n, length = x.shape[:2]
        x = F.linear(x.reshape(n, length, -1), convs.input_proj_linear.weight)
        clip = clip[:, ::4]
        hidden, position = self._visibility(clip, length), self._positions(x)
        real = (clip >= 0)[..., None].to(x.dtype)
        for w in self.weights:
            x = self.layer(x, position, hidden, real, w)
        return F.linear(x, t.output_proj.weight, t.output_proj.bias)

    def _visibility(self, clip, length):
        """What a query must not see: the future, the far past, other clips."""
        a = self.tower.layers[0].self_attn
        chunk, past = a.chunk_size, a.max_past_horizon
        blocks = (length + chunk - 1) // chunk
        i = torch.arange(blocks * chunk, device=clip.device).view(blocks, chunk, 1)
        start = torch.arange(blocks, device=clip.device)[:, None, None] * chunk - past
        j = start + torch.arange(chunk + past, device=clip.device)[None, None]
        near = (i - j >= 0) & (i - j < past) & (j >= 0) & (j < length)
        of_key = clip[:, j[:, 0].clamp(0, length - 1)][:, :, None]
        of_query = clip[:, i[..., 0].clamp(max=length - 1)][..., None]
        return ~(near[None] & (of_key == of_query) & (of_key >= 0))

    def _positions(self, x):
        t = self.tower
        spans = torch.arange(t.layers[0].self_attn.context_size // 2, -1, -1, device=x.device)[:, None]
        angle = spans * t.rel_pos_enc.inv_timescales[0].float()
        return torch.cat((angle.sin(), angle.cos()), -1).to(x.dtype)


# ---- vision --------------------------------------------------------------------------------------


def vision_layer(heads: int, dim: int):
    """One layer of the vision tower as a function."""

    def layer(x, cos, sin, mask, w):
        n, length, _ = x.shape
        half = dim // 2

        def rope(z):  # columns turn one half, rows the other
            a, b = z.chunk(2, -1)
            return torch.cat((rotate(a, cos[..., :half], sin[..., :half]), rotate(b, cos[..., half:], sin[..., half:])), -1)

        y = rms(x, w["input_layernorm.weight"])
        q, k, v = (F.linear(y, w[f"self_attn.{z}_proj.linear.weight"]).view(n, length, heads, dim) for z in "qkv")
        q = rope(rms(q, w["self_attn.q_norm.weight"]).transpose(1, 2))
        k = rope(rms(k, w["self_attn.k_norm.weight"]).transpose(1, 2))
        o = F.scaled_dot_product_attention(q, k, rms(v).transpose(1, 2), attn_mask=mask, scale=1.0)
        o = F.linear(o.transpose(1, 2).reshape(n, length, heads * dim), w["self_attn.o_proj.linear.weight"])
        x = x + rms(o, w["post_attention_layernorm.weight"])
        y = rms(x, w["pre_feedforward_layernorm.weight"])
        y = F.gelu(F.linear(y, w["mlp.gate_proj.linear.weight"]), approximate="tanh") * F.linear(y, w["mlp.up_proj.linear.weight"])
        return x + rms(F.linear(y, w["mlp.down_proj.linear.weight"]), w["post_feedforward_layernorm.weight"])

    return layer


class Vision:
    """pixels (M, n, 768) in 0..1, places (M, n, 2), -1 for padding -> pooled (M, n/9, width)."""

    def __init__(self, tower):
        self.tower, self.config = tower, tower.config
        self.weights = [dict(l.named_parameters()) for l in tower.encoder.layers]
        self.layer = vision_layer(self.config.num_attention_heads, self.config.head_dim)

    def __call__(self, pixels, places):
        embed = self.tower.patch_embedder
        n, length, _ = pixels.shape
        dtype = embed.input_proj.weight.dtype
        padding, at = (places == -1).all(-1), places.clamp(min=0)
        table = embed.position_embedding_table
        position = F.embedding(at[..., 0], table[0]) + F.embedding(at[..., 1], table[1])
        x = F.linear((2 * (pixels - 0.5)).to(dtype), embed.input_proj.weight) + position.masked_fill(padding[..., None], 0.0)
        angle = places[..., None].float() * self.tower.encoder.rotary_emb.inv_freq.float()
        twice = lambda z: torch.cat((z[:, :, 0], z[:, :, 0], z[:, :, 1], z[:, :, 1]), -1).to(dtype)[:, None]
        cos, sin = twice(angle.cos()), twice(angle.sin())
        mask = bias((~padding)[:, None, None], dtype).expand(n, 1, length, length)
        for w in self.weights:
            x = self.layer(x, cos, sin, mask, w)
        return self._pool(x.masked_fill(padding[..., None], 0.0), at, padding)

    def _pool(self, x, at, padding):
        """Means of squares of patches."""
        side = self.config.pooling_kernel_size
        squares = x.shape[1] // (side * side)
        columns = at[..., 0].amax(1, keepdim=True) + 1
        cell = torch.div(at, side, rounding_mode="floor")
        cell = cell[..., 0] + (columns // side) * cell[..., 1]
        belongs = (cell[..., None] == torch.arange(squares, device=x.device)).to(x.dtype).masked_fill(padding[..., None], 0.0)
        return (belongs.transpose(1, 2) @ x) / (side * side) * self.config.hidden_size**0.5


# ---- all -----------------------------------------------------------------------------------------


class Forward:
    """Last hidden states of packed rows, and the towers' outputs for the helper losses."""

    def __init__(self, model, compile: bool = False):
        self.model = model
        parts = model.model
        self.text, self.audio, self.vision = Text(parts.language_model), Audio(parts.audio_tower), Vision(parts.vision_tower)
        if compile:
            import torch._dynamo

            torch._dynamo.config.suppress_errors = True
            fast = lambda f: torch.compile(f, dynamic=False)
            self.text.layers = {k: fast(f) for k, f in self.text.layers.items()}
            self.audio.layer, self.audio.subsample = fast(self.audio.layer), fast(self.audio.subsample)
            self.vision.layer = fast(self.vision.layer)

    def __call__(self, ids, segment=None, mel=None, clip=None, audio_rows=None, pixels=None, places=None, vision_rows=None,
                 audio_at=None, image_at=None):
        """audio_rows, vision_rows: which rows of the flattened tower outputs are the soft tokens, in the order of ids;
        audio_at, image_at: where these stand in the flattened ids, looked for if they are not given."""
        parts, towers = self.model.model, {}
        batch, length = ids.shape
        table = parts.language_model.embed_tokens.weight
        soft = torch.zeros(batch * length, table.shape[1], dtype=table.dtype, device=ids.device)

        def fill(soft, token, embed, out, rows, at):
            at = torch.nonzero(ids.view(-1) == SPECIALS[token])[:, 0] if at is None else at
            values = F.linear(rms(out.reshape(-1, out.shape[-1])[rows]), embed.embedding_projection.weight)
            return soft.index_put((at,), values.to(soft.dtype))

        if mel is not None:
            towers["audio"] = self.audio(mel, clip)
            soft = fill(soft, "audio", parts.embed_audio, towers["audio"], audio_rows, audio_at)
        if pixels is not None:
            towers["vision"] = self.vision(pixels, places)
            soft = fill(soft, "image", parts.embed_vision, towers["vision"], vision_rows, image_at)
        is_soft = (ids == SPECIALS["image"]) | (ids == SPECIALS["audio"])
        hidden = self.text(ids.masked_fill(is_soft, 0), soft.view(batch, length, -1), is_soft, segment)
        return hidden, towers


def compare() -> float:
    """Relative difference from transformers for two dialogues with a clip and a picture each, packed into one row."""
    from .shape import build

    torch.manual_seed(1)
    model = build().float().eval()
    for p in model.parameters():
        p.data += 0.02 * torch.randn_like(p)
    frames, grids, length = [260, 333], [(24, 24), (33, 18)], 330
    tokens = [((f + 1) // 2 + 1) // 2 for f in frames]
    mask = torch.arange(340)[None] < torch.tensor(frames)[:, None]
    mel = torch.randn(2, 340, 128) * mask[..., None]
    pixels, k = torch.rand(2, 630, 768), torch.arange(630)
    places = torch.stack([torch.where((k < w * h)[:, None], torch.stack([k % w, k // w], -1), -1) for w, h in grids])
    ids = torch.randint(14, 2048, (2, length))
    for b, (w, h) in enumerate(grids):
        ids[b, 5: 5 + tokens[b]] = SPECIALS["audio"]
        ids[b, 120: 120 + w * h // 9] = SPECIALS["image"]
    with torch.no_grad():
        want = model.model(input_ids=ids, input_features=mel, input_features_mask=mask, pixel_values=pixels,
                           image_position_ids=places, attention_mask=torch.ones_like(ids), use_cache=False).last_hidden_state
        row, segment = torch.zeros(1, 704, dtype=torch.long), torch.zeros(1, 704, dtype=torch.long)
        packed_mel, clip, second = torch.zeros(1, 640, 128), -torch.ones(1, 640, dtype=torch.long), frames[0] + 16
        for b, at in enumerate((0, second)):
            row[0, b * length: (b + 1) * length], segment[0, b * length: (b + 1) * length] = ids[b], b + 1
            packed_mel[0, at: at + frames[b]], clip[0, at: at + frames[b]] = mel[b, : frames[b]], b
        audio_rows = torch.cat([torch.arange(tokens[0]), second // 4 + torch.arange(tokens[1])])
        vision_rows = torch.cat([torch.arange(64), 70 + torch.arange(66)])
        got, _ = Forward(model)(row, segment, packed_mel, clip, audio_rows, pixels, places, vision_rows)
    got = torch.stack([got[0, :length], got[0, length: 2 * length]])
    return ((want - got).norm() / want.norm()).item()


if __name__ == "__main__":
    print(f"relative difference from transformers: {compare():.1e}")
