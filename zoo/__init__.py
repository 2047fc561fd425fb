"""zoo: reuse the lower layers of any pretrained checkpoint on your own small data set.

The notebook's door; each name is imported when it is first used.

    import zoo
    run = zoo.transfer("mnist-dnn", reuse="hidden[123]")
    zoo.publish(run, "my-digits")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api import Run as Run
    from zoo.api import evaluate as evaluate
    from zoo.api import import_model as import_model
    from zoo.api import layers as layers
    from zoo.api import load as load
    from zoo.api import lr_find as lr_find
    from zoo.api import predict as predict
    from zoo.api import replay as replay
    from zoo.api import resume as resume
    from zoo.api import transfer as transfer
    from zoo.catalogue import lineage as lineage
    from zoo.catalogue import list as list
    from zoo.catalogue import publish as publish
    from zoo.catalogue import pull as pull
    from zoo.catalogue import search as search
    from zoo.catalogue import show as show

__version__ = "0.1.0"
__all__ = [
    "Run", "evaluate", "import_model", "layers", "lineage", "list", "load", "lr_find", "predict", "publish", "pull",
    "replay", "resume", "search", "show", "transfer",
]  # fmt: skip
_CATALOGUE = ("lineage", "list", "publish", "pull", "search", "show")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("zoo.catalogue" if name in _CATALOGUE else "zoo.api"), name)
