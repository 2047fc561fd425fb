"""Import, select, split, cache, train: from a checkpoint's files to a better model on your own data.

Of `registry` it uses only the values: `ref`, `card` and `errors`.
"""
