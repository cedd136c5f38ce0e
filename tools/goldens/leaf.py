"""Writes the goldens of audio/... and vision/... from the references.

Run from the root of the repository with Python 3.11 and numpy, pillow 13,
torch, torchvision, transformers 5.23.0, onnxruntime and silero-vad 6.2.3 installed:

    python tools/goldens/leaf.py [section ...]

Sections are the functions named in SECTIONS at the end. Without one, all are
written.
"""

import base64
import hashlib
import io
import json
import pathlib
import struct
import sys
import wave
import zlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def noise_bytes(n: int, seed: int) -> np.ndarray:
    """n bytes of a linear congruential generator; the Go tests have the same."""
    out, state = np.empty(n, np.uint8), seed
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out


def write(path: str, data: bytes) -> None:
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    print(f"{path}: {len(data)} bytes")


def write_json(path: str, value) -> None:
    """One line a case, so that a change shows as a change of cases."""
    lines = ",\n".join(json.dumps(case) for case in value)
    write(path, f"[\n{lines}\n]\n".encode())


def resize() -> None:
    """Pillow's bicubic on noise: sizes up, down, mixed, odd, and one axis kept.

    Pillow 13 filters columns first when the height shrinks by more than twice
    what the width does; versions before 13 never do. The list has both sides of
    the border.
    """
    import PIL
    from PIL import Image

    assert int(PIL.__version__.split(".")[0]) >= 13, PIL.__version__
    cases = []
    for w, h, nw, nh in [
        (64, 48, 96, 96), (96, 96, 64, 48), (61, 47, 48, 144), (47, 61, 144, 48), (1, 1, 48, 48), (2, 3, 96, 48),
        (1, 400, 48, 96), (400, 1, 96, 48), (100, 100, 100, 48), (100, 100, 48, 100), (100, 100, 100, 100),
        (640, 480, 432, 336), (333, 250, 768, 576), (500, 300, 48, 48), (37, 1000, 48, 624), (777, 5, 768, 48),
        (100, 100, 80, 60), (100, 100, 81, 60), (100, 100, 99, 99), (600, 2400, 384, 1584), (100, 50, 90, 30), (100, 50, 91, 30),
    ]:
        seed = w * 1000 + h
        source = noise_bytes(w * h * 3, seed).reshape(h, w, 3)
        image = Image.fromarray(source).resize((nw, nh), Image.Resampling.BICUBIC)
        digest = hashlib.sha256(np.asarray(image).tobytes()).hexdigest()
        cases.append({"width": w, "height": h, "new_width": nw, "new_height": nh, "seed": seed, "sha256": digest})
    write_json("vision/resize/testdata/pillow.json", cases)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG by hand, for the kinds that Pillow does not write. rows: raw, without filter bytes."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    stride = len(rows) // height
    lines = b"".join(b"\0" + rows[y * stride:(y + 1) * stride] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + (chunk(b"tRNS", extra) if extra else b"")
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def pictures() -> None:
    """Files of every kind and what Pillow's exif_transpose and convert("RGB") make of them."""
    from PIL import Image, ImageOps

    def scene(w: int, h: int) -> "Image.Image":
        """Ramps, a disc, a checkerboard and some noise."""
        y, x = np.mgrid[0:h, 0:w]
        red = 255 * x // max(w - 1, 1)
        green = np.where((x - w / 2) ** 2 + (y - h / 2) ** 2 < (min(w, h) / 3) ** 2, 230, 255 * y // max(h - 1, 1))
        blue = np.where((x // 4 + y // 4) % 2 == 0, 40, 200)
        rgb = np.stack([red, green, blue], -1) + noise_bytes(w * h * 3, w * h).reshape(h, w, 3) % 16
        return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))

    cases = []

    def add(name: str, data: bytes, exact: bool = True, expected=None) -> None:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        rgb = np.asarray(image) if expected is None else expected
        if expected is not None and not np.array_equal(image, expected):
            print(f"note: {name}: Pillow keeps something else than the upper byte")
        case = {"name": name, "file": base64.b64encode(data).decode(), "width": image.width, "height": image.height}
        if exact:
            case["sha256"] = hashlib.sha256(rgb.tobytes()).hexdigest()
        else:
            case["rgb"] = base64.b64encode(rgb.tobytes()).decode()
        cases.append(case)

    def save(name: str, image, kind: str, exact: bool = True, **options) -> None:
        out = io.BytesIO()
        image.save(out, kind, **options)
        add(name, out.getvalue(), exact)

    def exif(orientation: int) -> "Image.Exif":
        tags = Image.Exif()
        tags[0x0112] = orientation
        tags[0x010F] = "maker"
        return tags

    w, h = 23, 19
    rgb = scene(w, h)
    alpha = Image.fromarray((np.mgrid[0:h, 0:w][1] * 9 % 256).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    grey = rgb.convert("L")
    palette = rgb.quantize(17)
    wide = noise_bytes(w * h * 8, 3)

    save("png rgb", rgb, "PNG")
    save("png rgba", rgba, "PNG")
    save("png grey", grey, "PNG")
    save("png grey alpha", Image.merge("LA", (grey, alpha)), "PNG")
    save("png 1 bit", grey.convert("1"), "PNG")
    save("png palette", palette, "PNG")
    save("png palette transparent", palette, "PNG", transparency=bytes(range(0, 170, 10)))
    save("png palette 2 bits", rgb.quantize(4), "PNG", bits=2)
    save("png orientation 6", rgb, "PNG", exif=exif(6))
    upper = wide.reshape(h, w, 8)
    add("png 16 bit rgb", png(w, h, 16, 2, upper[..., :6].tobytes()), True, upper[..., [0, 2, 4]])
    add("png 16 bit rgba", png(w, h, 16, 6, upper.tobytes()), True, upper[..., [0, 2, 4]])
    add("png 16 bit grey", png(w, h, 16, 0, upper[..., :2].tobytes()), True, upper[..., [0, 0, 0]])
    add("png 16 bit grey alpha", png(w, h, 16, 4, upper[..., :4].tobytes()), True, upper[..., [0, 0, 0]])
    key = struct.pack(">HHH", *rgb.getpixel((3, 4)))
    add("png colour key", png(w, h, 8, 2, rgb.tobytes(), key))
    add("png grey key", png(w, h, 8, 0, grey.tobytes(), struct.pack(">H", grey.getpixel((3, 4)))))

    save("gif", palette, "GIF")
    save("gif interlaced", palette, "GIF", interlace=1)
    save("gif transparent", palette, "GIF", transparency=5)
    save("gif two frames", palette, "GIF", save_all=True, append_images=[rgb.transpose(Image.Transpose.ROTATE_180).quantize(9)])
    out = io.BytesIO()
    palette.save(out, "GIF", transparency=5, interlace=0)
    small = bytearray(out.getvalue())
    small[6:10] = struct.pack("<HH", w + 6, h + 5)  # a larger screen
    at = small.index(b"\x2c\0\0\0\0" + struct.pack("<HH", w, h))
    small[at + 1:at + 5] = struct.pack("<HH", 4, 2)
    add("gif small frame", bytes(small))

    save("webp lossless", rgb, "WEBP", lossless=True)
    save("webp lossless alpha", rgba, "WEBP", lossless=True, exact=True)
    for size in ((23, 19), (22, 20), (1, 1), (2, 3), (3, 2), (33, 1)):
        save(f"webp lossy {size[0]}x{size[1]}", scene(*size), "WEBP", quality=60)
    save("webp lossy alpha", rgba, "WEBP", quality=60)
    save("webp orientation 8", rgb, "WEBP", quality=60, exif=exif(8))

    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for size in ((23, 19), (24, 16)):
            save(f"jpeg {sampling} {size[0]}x{size[1]}", scene(*size), "JPEG", False, quality=80, subsampling=sampling)
    for size in ((1, 1), (2, 2), (3, 5), (5, 3), (4, 4), (6, 1)):
        for sampling in ("4:2:2", "4:2:0"):
            save(f"jpeg {sampling} {size[0]}x{size[1]}", scene(*size), "JPEG", False, quality=90, subsampling=sampling)
    save("jpeg grey", grey, "JPEG", False, quality=80)
    save("jpeg progressive", rgb, "JPEG", False, quality=80, progressive=True)
    save("jpeg rgb", rgb, "JPEG", False, quality=80, keep_rgb=True)
    save("jpeg cmyk", rgb.convert("CMYK"), "JPEG", False, quality=90)
    for orientation in range(1, 10):
        save(f"jpeg orientation {orientation}", scene(13, 7), "JPEG", False, quality=90, subsampling="4:4:4", exif=exif(orientation))
    # 4:4:0 by exchanging the sampling factors of a 4:2:2 file of a transposed size
    out = io.BytesIO()
    scene(32, 32).save(out, "JPEG", quality=80, subsampling="4:2:2")
    swapped = bytearray(out.getvalue())
    at = swapped.index(b"\xff\xc0") + 11
    assert swapped[at] == 0x21, hex(swapped[at])
    swapped[at] = 0x12
    add("jpeg 4:4:0", bytes(swapped), False)
    write_json("vision/testdata/pictures.json", cases)


def patches() -> None:
    """What transformers' two image processors cut of one picture of 96 by 144, which needs no resizing.

    Values are 8-bit levels again: the processors multiply by 1/255 where the Go code divides by 255.
    """
    from PIL import Image
    from transformers import Gemma4ImageProcessor
    from transformers.models.gemma4_unified.image_processing_gemma4_unified import Gemma4UnifiedImageProcessor

    image = Image.fromarray(noise_bytes(144 * 96 * 3, 11).reshape(144, 96, 3))
    cases = []
    for name, processor in (("cut", Gemma4ImageProcessor()), ("blocks", Gemma4UnifiedImageProcessor())):
        out = processor(image, do_resize=False, max_soft_tokens=70, return_tensors="np")
        positions = out["image_position_ids"][0]
        values = out["pixel_values"][0][positions[:, 0] >= 0].astype(np.float64)
        levels = np.rint(values * 255)
        assert np.abs(values - levels / 255).max() < 2e-7
        cases.append({"name": name, "width": 96, "height": 144, "seed": 11, "shape": list(values.shape),
                      "sha256": hashlib.sha256(levels.astype(np.uint8).tobytes()).hexdigest()})
    write_json("vision/testdata/patches.json", cases)


def target_size() -> None:
    """Sizes from transformers' get_aspect_ratio_preserving_size for a spread of pictures."""
    from transformers.models.gemma4.image_processing_gemma4 import get_aspect_ratio_preserving_size

    state, cases = 7, []
    for _ in range(400):
        values = []
        for limit in (4000, 4000, 5):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            values.append((state >> 8) % limit)
        width, height, tokens = 1 + values[0] >> values[2], 1 + values[1], (70, 140, 280, 560, 1120)[values[2]]
        width = max(width, 1)
        h, w = get_aspect_ratio_preserving_size(height, width, 16, 9 * tokens, 3)
        cases.append([tokens, width, height, int(w), int(h)])
    write_json("vision/testdata/sizes.json", cases)


def speech() -> np.ndarray:
    return recording("audio/vad/testdata/speech.wav")


def recording(path: str) -> np.ndarray:
    """The samples of a WAV of the repository."""
    with wave.open(str(ROOT / path)) as f:
        assert (f.getframerate(), f.getnchannels(), f.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float32) / 32768


def mel() -> None:
    """Log-mel rows of samples 5000 to 21000 of the clip, from transformers' feature extractor."""
    from transformers import Gemma4AudioFeatureExtractor

    out = Gemma4AudioFeatureExtractor()([speech()[5000:21000]], return_tensors="np")
    rows = out["input_features"][0][out["input_features_mask"][0].astype(bool)]
    assert rows.shape == (99, 128), rows.shape
    write("audio/mel/testdata/transformers.f32", rows.astype("<f4").tobytes())


def vad() -> None:
    """Speech probabilities from onnxruntime: of the clip twice in a row, and of sample clips in three states."""
    import importlib.resources

    import onnxruntime

    model = importlib.resources.files("silero_vad") / "data/silero_vad.onnx"
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def probabilities(samples: np.ndarray) -> list[float]:
        state, context, out = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
        for at in range(0, len(samples) - 511, 512):
            window = samples[at:at + 512]
            feed = {"input": np.concatenate([context, window])[None], "state": state, "sr": np.array(16000)}
            probability, state = session.run(None, feed)
            context = window[-64:]
            out.append(float(probability[0, 0]))
        return out

    write_json("audio/vad/testdata/onnxruntime.json", probabilities(np.concatenate([speech(), speech()])))
    cases = []
    for clip in ("dictation-1", "kiosk-0", "picture-spoken-6", "question-3"):
        samples = recording(f"testdata/samples/{clip}.wav")
        noise = (noise_bytes(len(samples), 1).astype(np.float32) - 127.5) / 128
        for level, loudness in ((1.0, 0.0), (0.03125, 0.0), (1.0, 0.03125)):
            heard = samples * np.float32(level) + noise * np.float32(loudness)
            cases.append({"clip": clip, "level": level, "noise": loudness,
                          "probabilities": [round(p, 6) for p in probabilities(heard)]})
    write_json("audio/vad/testdata/clips.json", cases)


def g711() -> None:
    """The 16-bit steps of all codes, from Python's audioop (removed in 3.13)."""
    import audioop

    codes = bytes(range(256))
    tables = [np.frombuffer(decode(codes, 2), "<i2").tolist() for decode in (audioop.ulaw2lin, audioop.alaw2lin)]
    write_json("audio/pcm/testdata/g711.json", tables)


SECTIONS = {
    "resize": resize, "pictures": pictures, "patches": patches, "target_size": target_size,
    "mel": mel, "vad": vad, "g711": g711,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        SECTIONS[name]()
