"""Python's `sqlite3` with the library that it was built for, also where TensorFlow was imported first.

TensorFlow carries a SQLite of its own, without full-text search, and offers its symbols to whatever is loaded later:
then `import sqlite3` runs on TensorFlow's. RTLD_DEEPBIND (glibc, dlopen(3)) lets the extension module prefer the
library that it names itself. Where `sqlite3` was imported between TensorFlow and this, it is too late.
"""

from __future__ import annotations

import os
import sys

_flags = sys.getdlopenflags() if hasattr(sys, "getdlopenflags") else 0
if hasattr(os, "RTLD_DEEPBIND"):
    sys.setdlopenflags(_flags | os.RTLD_DEEPBIND)
try:
    import sqlite3
finally:
    if hasattr(os, "RTLD_DEEPBIND"):
        sys.setdlopenflags(_flags)

__all__ = ["sqlite3"]
