#!/usr/bin/env python3
"""Records what Python's gguf package, the format's own, makes of blocks of quantized weights.

  record_dequantized.py > tensor-core/src/test/resources/dev/millrace/kernel/dequantized.txt

A line for each block: its type, its bytes, and the float32 values they stand for, both in hexadecimal, little-endian.
Needs numpy and gguf.
"""

import gguf
import numpy

TYPES = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K")
VALUES = 512  # of each type
SCALES = (0.01, -0.5, 6e-8, 65504.0)  # ordinary, negative, subnormal in fp16, the largest

random = numpy.random.default_rng(5)
for name in TYPES:
    kind = gguf.GGMLQuantizationType[name]
    size, length = gguf.GGML_QUANT_SIZES[kind]
    scale_at = 208 if name == "Q6_K" else 0
    has_minimum = name in ("Q4_1", "Q5_1", "Q4_K", "Q5_K")
    for i in range(max(VALUES // size, len(SCALES))):
        block = random.integers(0, 256, length, dtype=numpy.uint8)
        halves = numpy.array([SCALES[i % len(SCALES)], 0.3], dtype=numpy.float16).view(numpy.uint8)
        count = 4 if has_minimum else 2
        block[scale_at:scale_at + count] = halves[:count]
        values = gguf.quants.dequantize(block.reshape(1, -1), kind).astype("<f4")
        print(name, block.tobytes().hex(), values.tobytes().hex())
