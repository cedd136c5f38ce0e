"""Makes goldens smaller, in place: python thin.py FILE…

The tracked goldens have the logits of the last 4 positions and the first of the vision tower's layers; those that make.sh
makes have all.
"""

import sys

from safetensors import safe_open
from safetensors.numpy import save_file

ROWS = 4

for path in sys.argv[1:]:
    with safe_open(path, "np") as f:
        metadata = f.metadata()
        tensors = {name: f.get_tensor(name) for name in f.keys() if not name.endswith("vision.layer.1")}
    for name, x in tensors.items():
        if ".logits" in name and len(x) > ROWS:
            tensors[name] = x[-ROWS:].copy()
    save_file(tensors, path, metadata)
