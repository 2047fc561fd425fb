"""What the feature cache may store floating-point numbers as: names and widths. Imports nothing, for the options."""

from __future__ import annotations

FLOAT32, FLOAT16, BFLOAT16 = "float32", "float16", "bfloat16"
CACHE_DTYPES = {FLOAT32: 4, FLOAT16: 2, BFLOAT16: 2}  # bytes a number
