#!/usr/bin/env python3
"""Compares our network with the NumPy forward pass of the default model, tensor by tensor.

Usage: compare_with_numpy.py MODEL.gguf [REFERENCE]

MODEL.gguf is SmolLM2-135M-Instruct in any type: F32 shows the network itself (differences are roundings), Q4_1
shows what rounded activations add. REFERENCE is numpy_reference.py (default: ../shared/tools/numpy_reference.py
beside the repository). Needs numpy and gguf. Ours is `./millrace trace` with the scalar kernels.

Prints, for each kind of tensor, the largest difference of any layer, relative to the tensor's largest value. With
weights in F32 it fails where that is above 1e-4: seen are 1e-5 at most; Q4_1 is up to 0.13 away.
"""
import collections
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared/tools/numpy_reference.py"
IDS = [504, 3575, 282, 4649, 314, 260, 1837, 30, 657, 506, 253, 2413, 2470, 282, 1449, 28, 284, 357, 314, 1343]
LIMIT = 1e-4


def reference(path):
    spec = importlib.util.spec_from_file_location("numpy_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(model, file):
    ids = ",".join(map(str, IDS))
    subprocess.run(
        [ROOT / "millrace", "trace", "--model", model, "--ids", ids, "--kernels", "scalar", "--out", file], check=True)
    return np.load(file)


def main():
    model = sys.argv[1]
    numpy_reference = reference(sys.argv[2] if len(sys.argv) > 2 else REFERENCE)
    weights = numpy_reference.load(model)
    theirs = {}
    numpy_reference.forward(weights, IDS, {}, theirs)
    worst = collections.defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        traced = ours(model, pathlib.Path(folder) / "trace.npz")
        for name, expected in theirs.items():
            actual = traced[name]
            if name == "logits":  # the reference has the last row's only
                actual = actual[-1]
            difference = np.abs(actual.reshape(expected.shape) - expected).max() / np.abs(expected).max()
            kind = ".".join(part for part in name.split(".") if part != "blk" and not part.isdigit())
            worst[kind] = max(worst[kind], float(difference))
    for kind, difference in worst.items():
        print(f"{kind:15} {difference:.2e}")
    plain = all(t.tensor_type == GGMLQuantizationType.F32 for t in GGUFReader(model).tensors)
    if plain and max(worst.values()) > LIMIT:
        sys.exit(f"more than {LIMIT} apart")


if __name__ == "__main__":
    main()
