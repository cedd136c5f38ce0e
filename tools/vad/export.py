"""Writes audio/vad/silero.planes, the 16 kHz weights of Silero VAD v6.

Run from anywhere, with Python 3.11, numpy, onnx and silero-vad 6.2.3 (PyPI):

    python tools/vad/export.py

The weights are those of silero_vad.onnx. The wheel's safetensors file is
another training and gives other probabilities. The file holds the tensors of
LAYOUT, float32 little-endian, one after the other, in byte planes, deflated. The basis of the
spectrum is not written: it is checked to be a Hann window times a Fourier
transform, which the Go code computes.
"""

import importlib.resources
import pathlib
import zlib

import numpy as np
import onnx

LAYOUT = [
    ("encoder.0.reparam_conv.weight", (128, 129, 3)), ("encoder.0.reparam_conv.bias", (128,)),
    ("encoder.1.reparam_conv.weight", (64, 128, 3)), ("encoder.1.reparam_conv.bias", (64,)),
    ("encoder.2.reparam_conv.weight", (64, 64, 3)), ("encoder.2.reparam_conv.bias", (64,)),
    ("encoder.3.reparam_conv.weight", (128, 64, 3)), ("encoder.3.reparam_conv.bias", (128,)),
    ("decoder.rnn.weight_ih", (512, 128)), ("decoder.rnn.bias_ih", (512,)),
    ("decoder.rnn.weight_hh", (512, 128)), ("decoder.rnn.bias_hh", (512,)),
    ("decoder.decoder.2.weight", (1, 128, 1)), ("decoder.decoder.2.bias", (1,)),
]


def tensors() -> dict[str, np.ndarray]:
    """The constants of the branch that the model takes at 16 kHz."""
    path = importlib.resources.files("silero_vad") / "data/silero_vad.onnx"
    model = onnx.load(str(path))
    choice = next(node for node in model.graph.node if node.op_type == "If")
    branch = next(a.g for a in choice.attribute if a.name == "then_branch")
    out = {}
    for node in branch.node:
        for a in node.attribute:
            if node.op_type == "Constant" and a.type == onnx.AttributeProto.TENSOR:
                out[node.output[0].split("__")[-1]] = onnx.numpy_helper.to_array(a.t)
    return out


def check_basis(basis: np.ndarray) -> None:
    n, k = np.arange(256), np.arange(129)[:, None]
    wave = (0.5 - 0.5 * np.cos(2 * np.pi * n / 256)) * np.exp(-2j * np.pi * k * n / 256)
    worst = np.abs(basis[:, 0] - np.concatenate([wave.real, wave.imag])).max()
    assert worst < 1e-7, worst


if __name__ == "__main__":
    found = tensors()
    check_basis(found["stft.forward_basis_buffer"])
    parts = []
    for name, shape in LAYOUT:
        assert found[name].shape == shape and found[name].dtype == np.float32, (name, found[name].shape)
        parts.append(found[name].astype("<f4").tobytes())
    target = pathlib.Path(__file__).resolve().parents[2] / "audio/vad/silero.planes"
    values = b"".join(parts)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    target.write_bytes(packer.compress(b"".join(values[i::4] for i in range(4))) + packer.flush())
    print(target.name, target.stat().st_size, "bytes")
