"""The feature cache of this home, as commands use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.home import Home
from transfer.cache_dtypes import FLOAT32
from transfer.engines.table import AUTO

if TYPE_CHECKING:
    from transfer.cache import FeatureCache
    from transfer.cluster.cluster import Cluster


def feature_cache(
    home: Home, backend: str = AUTO, dtype: str = FLOAT32, cluster: Cluster | None = None
) -> FeatureCache:
    """Open the feature cache, which shares its files where `$ZOO_CACHE` says so.

    Args:
        home: whose.
        backend, dtype, cluster: as `transfer.cache.FeatureCache` takes them.

    Raises:
        ZooError: the place that `$ZOO_CACHE` names cannot be used.
    """
    from transfer.cache import FeatureCache

    shared = None
    if home.cache_url:
        from transfer.shared_shards import SharedShards

        shared = SharedShards(home.cache_url)
    return FeatureCache(home.cache, backend, dtype, cluster, shared)
