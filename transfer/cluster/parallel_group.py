"""Worker processes as one group that adds up vectors: TensorFlow's collective operations on CPUs, in a ring.

`tf.distribute` starts the processes' servers and makes the group. The sum itself is TensorFlow's operation without the
strategy around it, since a strategy's own `all_reduce` cannot stand inside a `tf.while_loop` on CPUs (TensorFlow 2.21).
All workers trace the same graph, so the sums have the same numbers in all; inside a loop each turn's is apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import tensorflow as tf

from transfer.fitting.share import Share

GROUP = 2**20  # beyond the numbers that tf.distribute gives its own groups


def joined(rank: int, addresses: Sequence[str], threads: int) -> Share:
    """Make this process one of a group, once all have come; return its share of what they compute.

    Args:
        rank: its number.
        addresses: `HOST:PORT` of each; its own port must be free.
        threads: how many it may compute with.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    task = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": rank}}
    os.environ["TF_CONFIG"] = json.dumps(task)
    ways = tf.distribute.experimental
    options = ways.CommunicationOptions(implementation=ways.CommunicationImplementation.RING)
    _kept.append(tf.distribute.MultiWorkerMirroredStrategy(communication_options=options))
    return Share(rank, len(addresses), _total(len(addresses)))


_kept: list[Any] = []  # the group ends with the object that made it


def _total(workers: int) -> Callable[[Any], Any]:
    numbers = count(1)

    def added(vector: Any) -> Any:
        return tf.raw_ops.CollectiveReduceV2(
            input=vector,
            group_size=workers,
            group_key=GROUP,
            instance_key=next(numbers),
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
            communication_hint="ring",
        )

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def total(vector: Any) -> Any:
        """Each worker's vector counts in the sum of all, so a loss's gradient is that of all workers' losses."""
        return added(vector), added

    summing: Callable[[Any], Any] = total
    return summing
