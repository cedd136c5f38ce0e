"""Runs an ONNX graph with PyTorch, so that a synthesiser can speak on the training device: five sentences a second from
each process beside the training, where a processor speaks one or two.

Only the operators that Kokoro's graph uses are here (ONNX operator set 20 and com.microsoft's). Weights in 8 bits are
unpacked when the graph is loaded, and activations stay as they are: DynamicQuantizeLinear does nothing. Shapes and
scalars are computed on the processor, so that the device is hardly ever waited for. Needs the package onnx;
`python -m speech.graph ASSETS` compares it with onnxruntime.
"""
from __future__ import annotations

import math
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.nn.functional as F

TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float32, 11: torch.float32}
OPERATORS: dict[str, Callable] = {}


def operator(function: Callable) -> Callable:
    """Registers a function under its name without the final underscore. It takes the attributes and the inputs."""
    OPERATORS[function.__name__.rstrip("_")] = function
    return function


def together(*xs: torch.Tensor) -> list[torch.Tensor]:
    """On one device; scalars may stay where they are."""
    device = next((x.device for x in xs if x.device.type != "cpu"), None)
    return list(xs) if device is None else [x if x.ndim == 0 else x.to(device) for x in xs]


def ints(x: torch.Tensor) -> list[int]:
    return x.reshape(-1).tolist()


for name, function in {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Pow": torch.pow, "MatMul": torch.matmul, "Equal": torch.eq, "Greater": torch.gt,
    "GreaterOrEqual": torch.ge, "Less": torch.lt, "And": torch.logical_and,
}.items():
    OPERATORS[name] = lambda a, x, y, function=function: function(*together(x, y))
for name, function in {"Sqrt": torch.sqrt, "Floor": torch.floor, "Sin": torch.sin, "Cos": torch.cos, "Exp": torch.exp,
                       "Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "Round": torch.round}.items():
    OPERATORS[name] = lambda a, x, function=function: function(x)


@operator
def Div(a, x, y):
    x, y = together(x, y)
    return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


@operator
def Atan(a, x):
    return torch.atan(x.nan_to_num())  # 0/0: the phase of what is silent


@operator
def Cast(a, x):
    return x.to(TYPES[a["to"]])


@operator
def Where(a, c, x, y):
    device = next((z.device for z in (c, x, y) if z.device.type != "cpu"), c.device)
    return torch.where(c.to(device), x.to(device), y.to(device))


@operator
def Clip(a, x, low=None, high=None):
    return x.clamp(None if low is None else low.item(), None if high is None else high.item())


@operator
def LeakyRelu(a, x):
    return F.leaky_relu(x, a.get("alpha", 0.01))


@operator
def Softmax(a, x):
    return torch.softmax(x, a.get("axis", -1))


@operator
def FastGelu(a, x, bias=None):
    return F.gelu(x if bias is None else x + bias, approximate="tanh")


@operator
def LayerNormalization(a, x, scale, bias=None):
    return F.layer_norm(x, x.shape[a.get("axis", -1):] if a.get("axis", -1) < 0 else x.shape[a["axis"]:], scale, bias, a.get("epsilon", 1e-5))


@operator
def SkipLayerNormalization(a, x, skip, scale, bias=None):
    return F.layer_norm(x + skip, x.shape[-1:], scale, bias, a.get("epsilon", 1e-5))


@operator
def FusedMatMul(a, x, y):
    x, y = together(x, y)
    x = x.transpose(-1, -2) if a.get("transA") else x
    return a.get("alpha", 1.0) * (x @ (y.transpose(-1, -2) if a.get("transB") else y))


# ---- shapes --------------------------------------------------------------------------------------


@operator
def Shape(a, x):
    return torch.tensor(x.shape)


@operator
def Reshape(a, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(ints(shape))])


@operator
def Unsqueeze(a, x, axes):
    rank = x.ndim + axes.numel()
    for axis in sorted(i % rank for i in ints(axes)):
        x = x.unsqueeze(axis)
    return x


@operator
def Squeeze(a, x, axes=None):
    return x.squeeze() if axes is None else x.squeeze(tuple(ints(axes)))


@operator
def Transpose(a, x):
    return x.permute(a["perm"])


@operator
def Concat(a, *xs):
    device = next((x.device for x in xs if x.device.type != "cpu"), xs[0].device)
    return torch.cat([x.to(device) for x in xs], a["axis"])


@operator
def Split(a, x, sizes=None):
    axis = a.get("axis", 0)
    return torch.split(x, ints(sizes), axis) if sizes is not None else torch.chunk(x, a["num_outputs"], axis)


@operator
def Slice(a, x, starts, ends, axes=None, steps=None):
    axes = ints(axes) if axes is not None else range(starts.numel())
    steps = ints(steps) if steps is not None else [1] * starts.numel()
    for start, end, axis, step in zip(ints(starts), ints(ends), axes, steps):
        if step < 0:
            x = x.index_select(axis, torch.arange(*slice(start, end, step).indices(x.shape[axis]), device=x.device))
        else:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
    return x


@operator
def Gather(a, x, index):
    axis = a.get("axis", 0)
    if index.ndim == 0 and index.device.type == "cpu":
        return x.select(axis, int(index))
    index = index.to(x.device)
    index = torch.where(index < 0, index + x.shape[axis], index)
    return x.index_select(axis, index.reshape(-1)).reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1:])


@operator
def Expand(a, x, shape):
    return x.expand(torch.broadcast_shapes(x.shape, ints(shape)))


@operator
def ConstantOfShape(a, shape):
    value = torch.from_numpy(np.array(a["value"])).reshape(()) if "value" in a else torch.tensor(0.0)
    return torch.full(ints(shape), value.item(), dtype=value.dtype)


@operator
def Range(a, start, limit, delta):
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@operator
def CumSum(a, x, axis):
    return x.cumsum(int(axis))


@operator
def ReduceMean(a, x, axes=None):
    return x.mean(ints(axes) if axes is not None else None, keepdim=bool(a.get("keepdims", 1)))


@operator
def ReduceSum(a, x, axes=None):
    return x.sum(ints(axes) if axes is not None else None, keepdim=bool(a.get("keepdims", 1)))


@operator
def Pad(a, x, pads, value=None, axes=None):
    sizes = ints(pads)
    half = len(sizes) // 2
    flat = [n for i in reversed(range(half)) for n in (sizes[i], sizes[half + i])]
    while a.get("mode") == b"reflect" and len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    lifted = x[None] if a.get("mode") == b"reflect" and x.ndim == len(flat) // 2 else x
    out = F.pad(lifted, flat, mode="reflect") if a.get("mode") == b"reflect" else F.pad(x, flat, value=0 if value is None else value.item())
    return out[0] if lifted is not x else out


@operator
def NonZero(a, x):
    return torch.stack(torch.nonzero(x, as_tuple=True))


@operator
def ScatterND(a, x, index, updates):
    index, out = index.to(x.device), x.clone()
    out[tuple(index.unbind(-1))] = updates.to(x.device)
    return out


@operator
def Resize(a, x, _, scales):
    factors = scales.reshape(-1).tolist()[2:]
    if a["mode"] == b"nearest":
        return F.interpolate(x, scale_factor=factors, mode="nearest")
    return F.interpolate(x, scale_factor=factors, mode="linear", align_corners=False, recompute_scale_factor=False)


# ---- layers --------------------------------------------------------------------------------------


@operator
def DynamicQuantizeLinear(a, x):
    return x, torch.tensor(1.0), torch.tensor(0.0)


@operator
def DequantizeLinear(a, x, scale, zero=None):
    return (x.float() - (0.0 if zero is None else zero.to(x.device).float())) * scale.to(x.device)


@operator
def MatMulInteger(a, x, w, x_zero=None, w_zero=None):
    return torch.matmul(*together(x, w))


@operator
def Conv(a, x, w, bias=None, *_):
    pads = a.get("pads", [0, 0])
    x = F.pad(x, (pads[0], pads[1])) if pads[0] != pads[1] else x
    return F.conv1d(x, w, bias, a.get("strides", [1]), pads[0] if pads[0] == pads[1] else 0, a.get("dilations", [1]), a.get("group", 1))


@operator
def ConvInteger(a, x, w, x_zero=None, w_zero=None):
    return Conv(a, x, w)


@operator
def ConvTranspose(a, x, w, bias=None):
    begin, end = a.get("pads", [0, 0])
    out = F.conv_transpose1d(x, w, bias, a.get("strides", [1]), 0, a.get("output_padding", [0]), a.get("group", 1), a.get("dilations", [1]))
    return out[..., begin: out.shape[-1] - end]


@operator
def STFT(a, x, step, window, length=None):
    frames = x.reshape(x.shape[0], -1).unfold(1, window.numel(), int(step)) * window
    return torch.view_as_real(torch.fft.rfft(frames))


@operator
def DynamicQuantizeLSTM(a, x, weights, *_):
    """`weights`: torch's, made by lstm_weights."""
    hidden = a["hidden_size"]
    start = torch.zeros(2, x.shape[1], hidden, device=x.device)
    out, _, _ = torch._VF.lstm(x, (start, start), weights, True, 1, 0.0, False, True, False)
    return out.view(*x.shape[:2], 2, hidden).permute(0, 2, 1, 3)


def lstm_weights(w, r, b, w_scale, w_zero, r_scale, r_zero) -> list[torch.Tensor]:
    """ONNX has the gates in the order i, o, f, c, torch i, f, c, o; here both directions, as torch takes them."""
    unpack = lambda q, scale, zero: (q.float() - zero.float().reshape(len(q), 1, -1)) * scale.reshape(len(q), 1, -1)
    w, r = unpack(w, w_scale, w_zero).transpose(1, 2), unpack(r, r_scale, r_zero).transpose(1, 2)
    h = w.shape[1] // 4
    order = torch.cat([torch.arange(h) + h * k for k in (0, 2, 3, 1)])
    out = []
    for d in range(2):
        out += [w[d][order].contiguous(), r[d][order].contiguous(), b[d, : 4 * h][order].contiguous(), b[d, 4 * h:][order].contiguous()]
    return out


class Graph:
    """A graph as a function of its inputs by name, on "cuda" or "torch:cpu". Every step drops what nobody needs any more."""

    def __init__(self, path: Path, device):
        import onnx
        from onnx import numpy_helper

        torch.set_float32_matmul_precision("high")
        graph = onnx.load(str(path)).graph
        self.device, self.output = torch.device(device.removeprefix("torch:")), graph.output[0].name
        known = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in graph.initializer}
        self.steps: list[tuple] = []
        for node in graph.node:
            attributes = {x.name: numpy_helper.to_array(x.t) if x.type == 4 else onnx.helper.get_attribute_value(x) for x in node.attribute}
            inputs = list(node.input)
            if node.op_type in ("MatMulInteger", "ConvInteger") and inputs[1] in known:
                inputs = self._unpacked(known, inputs)
            if node.op_type == "DynamicQuantizeLSTM":
                known[node.name] = lstm_weights(*(known[n] for n in (*inputs[1:4], *inputs[8:12])))
                inputs = [inputs[0], node.name]
            self.steps.append((node.op_type, OPERATORS[node.op_type], attributes, inputs, list(node.output)))
        used = {n for _, _, _, inputs, _ in self.steps for n in inputs}
        self.known = {n: self._placed(x) for n, x in known.items() if n in used}
        last = {n: i for i, (_, _, _, inputs, _) in enumerate(self.steps) for n in inputs}
        self.over = [[n for n in dict.fromkeys(step[3]) if last[n] == i and n not in self.known] for i, step in enumerate(self.steps)]

    @staticmethod
    def _unpacked(known: dict, inputs: list[str]) -> list[str]:
        """A weight in 8 bits as a float one, without its scale, which the graph multiplies with later."""
        name = inputs[1] + " unpacked"
        if name not in known:
            zero = known[inputs[3]].float() if len(inputs) > 3 and inputs[3] else torch.tensor(0.0)
            weight = known[inputs[1]].float()
            if zero.numel() > 1:
                zero = zero.reshape(-1, *[1] * (weight.ndim - 1)) if weight.ndim == 3 else zero
            known[name] = weight - zero.reshape(()) if zero.numel() == 1 else weight - zero
        return [inputs[0], name]

    def _placed(self, x):
        """Weights go to the device; scalars and lists of sizes stay."""
        if isinstance(x, list):
            return [y.to(self.device) for y in x]
        return x if x.ndim == 0 or x.dtype == torch.int64 and x.numel() < 64 else x.to(self.device)

    @torch.no_grad()
    def __call__(self, **inputs: np.ndarray) -> np.ndarray:
        values = {n: torch.from_numpy(x) for n, x in inputs.items()}
        values["style"] = values["style"].to(self.device)
        for (name, function, attributes, wanted, made), over in zip(self.steps, self.over):
            taken = [None if not n else self.known[n] if n in self.known else values[n] for n in wanted]
            try:
                out = function(attributes, *taken)
            except Exception as problem:
                raise RuntimeError(f"{name} -> {made[0]}: {problem}") from problem
            for n, x in zip(made, out if isinstance(out, (tuple, list)) else (out,)):
                values[n] = x
            for n in over:
                values.pop(n, None)
        return values[self.output].float().cpu().numpy()


def compare(assets: Path, ipa: str = "haʊ mʌtʃ ɪz ɐ kʌp ʌv kɔfi?") -> float:
    """How alike the sound is to what onnxruntime makes: correlation of the log spectra of Kokoro's first voice. The two
    differ by the rounding of activations, which can also make a sound a frame longer."""
    from .engines import Kokoro

    spectra = []
    for talk in (Kokoro(assets), Kokoro(assets, "cuda" if torch.cuda.is_available() else "torch:cpu")):
        x = torch.from_numpy(talk.speak(ipa, talk.english[0]))
        spectra.append((torch.stft(x, 2048, window=torch.hann_window(2048), return_complex=True).abs() + 1e-2).log())
    frames = min(s.shape[1] for s in spectra)
    return float(np.corrcoef(*(s[:, :frames].numpy().ravel() for s in spectra))[0, 1])


if __name__ == "__main__":
    import sys

    print(f"correlation with onnxruntime: {compare(Path(sys.argv[1])):.2f}")
