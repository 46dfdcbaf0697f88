"""Logs, metrics, traces and error reports: everything that looks on. Nothing here decides anything."""

from __future__ import annotations


def start() -> None:
    """Called once per process when Django is ready."""
    from celery.signals import worker_ready

    from config.watching import context, metrics, reports, tracing, worker_port

    context.listen()
    metrics.listen()
    tracing.start()
    reports.start()
    worker_ready.connect(worker_port.start, weak=False, dispatch_uid="metrics")
