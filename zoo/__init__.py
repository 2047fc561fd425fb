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
    from zoo.api import lineage as lineage
    from zoo.api import list as list
    from zoo.api import load as load
    from zoo.api import predict as predict
    from zoo.api import publish as publish
    from zoo.api import pull as pull
    from zoo.api import search as search
    from zoo.api import show as show
    from zoo.api import transfer as transfer

__version__ = "0.1.0"
__all__ = [
    "Run", "evaluate", "import_model", "layers", "lineage", "list", "load", "predict", "publish", "pull", "search",
    "show", "transfer",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    from zoo import api

    return getattr(api, name)
