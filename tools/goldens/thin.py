"""Makes goldens smaller, in place: python thin.py FILE…

The tracked goldens have the logits of the last 4 positions, the layers of the last 12, which depend on all before them, and
of the vision tower the first layer's last 60 patches; those that make.sh makes have all. The metadata say how many rows there were, so that a test can tell a result of another size.
"""

import sys

from safetensors import safe_open
from safetensors.numpy import save_file

ROWS = {".logits": 4, "text.layer.": 12, "text.embeddings": 12, "text.final_norm": 12, "vision.layer.": 60}

for path in sys.argv[1:]:
    with safe_open(path, "np") as f:
        metadata = f.metadata() or {}
        tensors = {name: f.get_tensor(name) for name in f.keys() if not name.endswith("vision.layer.1")}
    for name, x in tensors.items():
        for part, rows in ROWS.items():
            if part in name and len(x) > rows:
                metadata[f"{name}.rows"] = str(len(x))
                tensors[name] = x[-rows:].copy()
    save_file(tensors, path, metadata)
