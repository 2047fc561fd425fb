"""A trunk in ONNX Runtime, from the file that `transfer.exporters.onnx` writes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from transfer.cores import cores
from transfer.engines.ends import Ends
from transfer.exporters import onnx
from transfer.exporters.exported import About
from transfer.feeding import Feed, Sliced
from transfer.files.shown import first_line
from transfer.inputs import Arrays

START, A_LAYER, A_GIGABYTE = 0.2, 0.001, 8.0  # seconds
ERRORS_ONLY = 3
MOST = 8  # cores that have a batch each; of more, several share one, since each batch takes memory


class OnnxRuntime:
    """An engine; see `transfer.engines.engine.Engine`.

    It is given several batches at once, each of which one thread computes up to `MOST` of them: so no thread waits for
    others after each layer, and one more batch than there are cores keeps these busy while others use them too. Threads
    that share a batch do not spin while they wait: they would take the cores from those that read and decode samples.

    Raises:
        ZooError: ONNX Runtime is not installed, or a layer has no form in ONNX.
    """

    def __init__(self, trunk: Any) -> None:
        runtime = need("onnxruntime", "onnx")
        self.name = f"ONNX Runtime {runtime.__version__}"
        self._ends = Ends.of(trunk)
        self.at_once = min(MOST, cores()) + 1 if cores() > 1 else 1
        options = runtime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = max(1, cores() // MOST)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            path = Path(folder) / "trunk.onnx"
            onnx.write(self._ends.model, path, About("trunk", ""))
            try:
                self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # ONNX Runtime's exceptions have no common base
                raise ZooError(f"{self.name} cannot run the exported trunk: {first_line(error)}") from error
        self._names = [given.name for given in self._session.get_inputs()]

    def __call__(self, batch: Arrays) -> Arrays:
        """Return the trunk's outputs for a batch.

        Raises:
            ZooError: it cannot compute with such samples.
        """
        try:
            made = self._session.run(None, dict(zip(self._names, self._ends.read(batch), strict=True)))
        except Exception as error:
            raise ZooError(
                f"{self.name} cannot compute the model's outputs for these samples: {first_line(error)}",
                "TensorFlow may: --backend tensorflow",
            ) from error
        return self._ends.spread(batch, made)


def build(trunk: Any, feed: Feed | Sliced) -> OnnxRuntime:
    """Make a trunk ready."""
    return OnnxRuntime(trunk)


def cost(trunk: Any) -> float:
    """Return about how many seconds it takes to make a trunk ready, as measured on two cores."""
    return START + A_LAYER * len(trunk.layers) + A_GIGABYTE * 4e-9 * int(trunk.count_params())
