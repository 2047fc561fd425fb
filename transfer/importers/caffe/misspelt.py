"""Fields of a prototxt that Caffe does not know and that are nearly called as one that it does. Pure.

Most unknown fields say how the net was trained, and are passed over; what a misspelt one says would be missing.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from transfer.importers.caffe.schema import NetParameter

ALIKE = 0.85  # of difflib's ratio
# A text or a comment, which is passed over, or the name of a field.
_FIELD = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|\b([A-Za-z_]\w*)(?=\s*[:{<])""")


def misspelt(text: str) -> dict[str, str]:
    """Return the misspelt fields of a prototxt, each with the field that may be meant.

    >>> misspelt('layer { convolution_param { kernal_size: 3 weight_filler { type: "xavier" } } }  # strde: 2')
    {'kernal_size': 'kernel_size'}
    """
    known = _fields(NetParameter.DESCRIPTOR, set())
    unknown = sorted({name for name in _FIELD.findall(text) if name} - known)
    near = {name: get_close_matches(name, known, n=1, cutoff=ALIKE) for name in unknown}
    return {name: found[0] for name, found in near.items() if found}


def _fields(message: Any, seen: set[str]) -> set[str]:
    """Return the names of all fields of a message and those inside it."""
    seen.add(message.full_name)
    inner = [field.message_type for field in message.fields if field.message_type is not None]
    names = {field.name for field in message.fields}
    return names.union(*(_fields(one, seen) for one in inner if one.full_name not in seen))
