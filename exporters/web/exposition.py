"""Builds Prometheus families from the metric contract; nothing outside the contract can be exposed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporters.web.sampler import Sampler
from vigie.metrics import Metric, MetricType, families

STAGES: Final = ("collect", "timeout", "web_config")


class Families:
    """Collects samples by contract metric. Each `add` checks the labels against the contract."""

    def __init__(self) -> None:
        self._families: dict[Metric, Family] = {}

    def add(self, metric: Metric, value: float | None, **labels: str) -> None:
        """Adds one sample; None, the unknown, adds nothing but keeps the family declared."""
        if tuple(labels) != metric.labels:
            raise ValueError(f"{metric.name}: labels {tuple(labels)}, contract {metric.labels}")
        family = self._families.get(metric)
        if family is None:
            kind = "counter" if metric.type is MetricType.COUNTER else "gauge"
            family = self._families[metric] = Family(metric.name.removesuffix("_total"), metric.help, kind)
        if value is not None:
            family.add_sample(metric.name, labels, float(value))

    def __iter__(self) -> Iterator[Family]:
        return iter(self._families.values())


class ExporterCollector(Collector):
    """The families of one exporter, then its own health.

    vigie_exporter_last_collection_timestamp_seconds{exporter="camera"} 1.7961e+09
    vigie_exporter_collection_duration_seconds{exporter="camera"} 0.021
    vigie_exporter_errors_total{exporter="camera",stage="collect"} 0
    vigie_exporter_build_info{exporter="camera",version="0.1.0",python="3.13.5"} 1
    """

    def __init__(self, name: str, sampler: Sampler[Iterable[Family]], stages: Iterable[str]) -> None:
        self._name = name
        self._sampler = sampler
        self._stages = (*STAGES, *stages)

    def collect(self) -> Iterator[Family]:
        """Families of the last sample unless it is stale, and the exporter's own."""
        yield from self._sampler.fresh or ()
        yield from self._own()

    def _own(self) -> Families:
        own = Families()
        name = self._name
        own.add(families.EXPORTER_LAST_COLLECTION, self._sampler.taken, exporter=name)
        own.add(families.EXPORTER_DURATION, self._sampler.duration, exporter=name)
        for stage in self._stages:
            own.add(families.EXPORTER_ERRORS_TOTAL, self._sampler.errors[stage], exporter=name, stage=stage)
        own.add(families.EXPORTER_BUILD, 1, exporter=name, version=version("vigie"), python=platform.python_version())
        return own


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with this collector alone."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry
