"""Agents and libraries that people really run, preloaded into two workers: they work in both, after
a reload too, and the server stops in time without a word that is not meant.

They are installed for the Pythons that all of them know (tools/requirements/test.txt)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Server, wait_for
from harness.collector import Collector
from harness.fleet import (
    CONNECTION_AT_IMPORT,
    OVERDUE_EXIT,
    THREAD_AT_IMPORT,
    Answers,
    ask_all,
    live,
    write_fleet_app,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as found:
        yield found


# ---- Sentry


def sentry_events(collector: Collector) -> list[dict[str, Any]]:
    """An envelope is lines of JSON: its head, then a head and a body for each item."""
    events = []
    for delivery in collector.deliveries("/envelope/"):
        for line in delivery.body.splitlines():
            item = json.loads(line)
            if isinstance(item, dict) and "event_id" in item and "platform" in item:
                events.append(item)
    return events


SENTRY = """
    import os
    import sentry_sdk
    from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

    sentry_sdk.init({dsn!r}, traces_sample_rate=1.0, shutdown_timeout=2)

    def work(environ):
        sentry_sdk.set_tag("worker", str(os.getpid()))
        try:
            raise RuntimeError("seen by sentry")
        except RuntimeError:
            sentry_sdk.capture_exception()
        return {{}}

    def wrap(application):
        return SentryWsgiMiddleware(application)
"""


def test_sentry(tmp_path: Path, collector: Collector) -> None:
    dsn = f"http://key@127.0.0.1:{collector.port}/1"
    folder = write_fleet_app(tmp_path, SENTRY.format(dsn=dsn))

    def workers_of(kind: str) -> set[str]:
        return {
            event.get("tags", {}).get("worker")
            for event in sentry_events(collector)
            if kind == ("transaction" if event.get("type") == "transaction" else "error")
        }

    def check(server: Server, answers: Answers) -> None:
        wanted = {str(pid) for pid in answers}
        wait_for(lambda: wanted <= workers_of("error"), "an error of each worker")
        wait_for(lambda: wanted <= workers_of("transaction"), "a trace of each worker")

    live(folder, check)


def test_sentry_that_was_used_at_import_is_named(tmp_path: Path, collector: Collector) -> None:
    """Its connection and its thread are the zygote's; what it means for the workers is said."""
    folder = write_fleet_app(
        tmp_path,
        f"""
        import sentry_sdk

        sentry_sdk.init("http://key@127.0.0.1:{collector.port}/1")
        sentry_sdk.capture_message("imported")
        sentry_sdk.flush()

        def work(environ):
            return {{}}
        """,
    )
    log = live(folder, lambda *_: None, allowed=[THREAD_AT_IMPORT, CONNECTION_AT_IMPORT])
    assert log.count('thread "sentry-sdk.BackgroundWorker" was started while importing') == 2
    assert log.count(f"a connection to 127.0.0.1:{collector.port}") == 2
    assert any(event.get("message") == "imported" for event in sentry_events(collector))


# ---- OpenTelemetry


OPENTELEMETRY = """
    import os
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    def start():
        provider = TracerProvider()
        exporter = OTLPSpanExporter({url!r} + "/v1/traces")
        # So long that what arrives in time was sent by the end of the process.
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=600_000))
        trace.set_tracer_provider(provider)
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter({url!r} + "/v1/metrics"), export_interval_millis=600_000
        )
        metrics.set_meter_provider(MeterProvider([reader]))

    {begin}

    def work(environ):
        with trace.get_tracer("cats").start_as_current_span("purr") as span:
            span.set_attribute("worker", os.getpid())
        metrics.get_meter("cats").create_counter("purrs").add(1, {{"worker": os.getpid()}})
        if environ["QUERY_STRING"] == "flush":
            trace.get_tracer_provider().force_flush()
        return {{}}

    def wrap(application):
        return OpenTelemetryMiddleware(application)
"""


def spans_by_worker(collector: Collector) -> list[int]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for delivery in collector.deliveries("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(delivery.body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    for attribute in span.attributes:
                        if attribute.key == "worker":
                            found.append(attribute.value.int_value)
    return found


def counts_by_worker(collector: Collector) -> set[int]:
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    found = set()
    for delivery in collector.deliveries("/v1/metrics"):
        request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(delivery.body)
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.sum.data_points:
                        found |= {a.value.int_value for a in point.attributes if a.key == "worker"}
    return found


@pytest.mark.parametrize(
    ("begin", "allowed"),
    [
        ("start()", [THREAD_AT_IMPORT]),
        ("from uwsgidecorators import postfork; postfork(start)", []),
    ],
    ids=["at import", "in postfork"],
)
def test_opentelemetry(
    tmp_path: Path, collector: Collector, begin: str, allowed: list[str]
) -> None:
    folder = write_fleet_app(tmp_path, OPENTELEMETRY.format(url=collector.url, begin=begin))
    asked: set[int] = set()

    def check(server: Server, answers: Answers) -> None:
        asked.update(answers)
        flushed = set(ask_all(server, "/?flush"))
        asked.update(flushed)
        wait_for(lambda: flushed <= set(spans_by_worker(collector)), "spans of each worker")
        # These are sent by the workers' ends.
        ask_all(server)

    live(folder, check, allowed=allowed)
    assert len(asked) == 4
    spans = spans_by_worker(collector)
    for pid in asked:
        assert spans.count(pid) >= 3, "the spans that were left for the worker's end"
    assert asked <= counts_by_worker(collector)


# ---- ddtrace


DDTRACE = """
    import ddtrace.auto
    import os
    from ddtrace.trace import tracer

    def work(environ):
        with tracer.trace("purr", service="cats") as span:
            span.set_tag("worker", str(os.getpid()))
        return {"trace": span.trace_id, "own": span.get_metric("process_id")}
"""

DD_QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
}


def test_ddtrace(tmp_path: Path, collector: Collector) -> None:
    folder = write_fleet_app(tmp_path, DDTRACE)

    def check(server: Server, answers: Answers) -> None:
        assert len({answer["trace"] for answer in answers.values()}) == len(answers)

        def arrived() -> bool:
            bodies = b"".join(one.body for one in collector.deliveries("/traces"))
            return all(str(pid).encode() in bodies for pid in answers)

        wait_for(arrived, "traces of each worker", 20)

    env = {**DD_QUIET, "DD_TRACE_AGENT_URL": collector.url}
    live(folder, check, env=env, allowed=[THREAD_AT_IMPORT, CONNECTION_AT_IMPORT])


def test_ddtrace_without_an_agent(tmp_path: Path) -> None:
    """What it says of that is its own. Its end tries for longer than a worker gives it."""
    folder = write_fleet_app(tmp_path, DDTRACE)
    env = {**DD_QUIET, "DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}
    live(folder, lambda *_: None, env=env, allowed=[THREAD_AT_IMPORT, OVERDUE_EXIT])


# ---- New Relic


NEWRELIC = """
    import newrelic.agent
    newrelic.agent.initialize("newrelic.ini")
    import os

    @newrelic.agent.function_trace()
    def purr():
        return newrelic.agent.current_transaction()

    def work(environ):
        newrelic.agent.register_application(timeout=5.0)
        transaction = purr()
        return {"active": newrelic.agent.application().active, "recorded": transaction is not None}

    def wrap(application):
        return newrelic.agent.WSGIApplicationWrapper(application)
"""


def test_newrelic(tmp_path: Path) -> None:
    folder = write_fleet_app(tmp_path, NEWRELIC)
    (folder / "newrelic.ini").write_text(
        "[newrelic]\nlicense_key = 0123456789012345678901234567890123456789\napp_name = cats\n"
        "developer_mode = true\nmonitor_mode = true\nlog_file = newrelic.log\nlog_level = warning\n"
    )

    def check(server: Server, answers: Answers) -> None:
        # The first request of a worker makes the agent active there, in the background.
        def all_recorded() -> bool:
            found = ask_all(server).values()
            return all(answer["active"] and answer["recorded"] for answer in found)

        wait_for(all_recorded, "an active agent in each worker")

    live(folder, check)
    log = (folder / "newrelic.log").read_text() if (folder / "newrelic.log").exists() else ""
    assert "Traceback" not in log, log


# ---- prometheus_client


PROMETHEUS = """
    import os
    from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess

    requests = Counter("cat_requests", "How often a cat was asked for")
    busy = Gauge("cat_workers", "Workers that live", multiprocess_mode="livesum")
    busy.inc()

    import uwsgi
    uwsgi.post_fork_hook = lambda: busy.set(1)
    uwsgi.atexit = lambda: multiprocess.mark_process_dead(os.getpid())

    def work(environ):
        if environ["PATH_INFO"] == "/metrics":
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
            return {"metrics": generate_latest(registry).decode()}
        requests.inc()
        return {}
"""


def test_prometheus(tmp_path: Path) -> None:
    """By pid: each worker has files of its own, and whoever is asked adds them up."""
    folder = write_fleet_app(tmp_path / "site", PROMETHEUS)
    store = tmp_path / "metrics"
    store.mkdir()
    total = 0

    def value(server: Server, name: str) -> float:
        text = server.get("/metrics").json["metrics"]
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found[1])

    def check(server: Server, answers: Answers) -> None:
        nonlocal total
        before = value(server, "cat_requests_total")
        assert before >= total + 2
        for _ in range(5):
            for answer in ask_all(server).values():
                assert answer
        total = int(value(server, "cat_requests_total"))
        assert total >= before + 10, "what all workers counted, and older generations too"
        for pid in answers:
            assert list(store.glob(f"counter_{pid}.db")), "a file for each worker"

    live(folder, check, env={"PROMETHEUS_MULTIPROC_DIR": str(store)})


# ---- what runs threads of its own


def test_apscheduler(tmp_path: Path) -> None:
    """Started in one worker by @postfork(1): its job runs there, and nowhere else."""
    folder = write_fleet_app(
        tmp_path,
        """
        import os, uwsgi
        from apscheduler.schedulers.background import BackgroundScheduler
        from uwsgidecorators import postfork

        ran = []
        scheduler = BackgroundScheduler()
        scheduler.add_job(lambda: ran.append(os.getpid()), "interval", seconds=0.05)

        @postfork(1)
        def start():
            scheduler.start()
            uwsgi.atexit = scheduler.shutdown  # before Python ends the threads that it uses

        def work(environ):
            return {"ran": sorted(set(ran)), "worker": uwsgi.worker_id()}
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        wait_for(
            lambda: any(answer["ran"] for answer in ask_all(server).values()), "the job to run"
        )
        for pid, answer in ask_all(server).items():
            assert answer["ran"] == ([pid] if answer["worker"] == 1 else [])

    live(folder, check)


def test_apscheduler_at_import_is_named(tmp_path: Path) -> None:
    folder = write_fleet_app(
        tmp_path,
        """
        from apscheduler.schedulers.background import BackgroundScheduler

        scheduler = BackgroundScheduler()
        scheduler.add_job(int, "interval", seconds=1000)
        scheduler.start()

        def work(environ):
            return {}
        """,
    )
    log = live(folder, lambda *_: None, allowed=[THREAD_AT_IMPORT])
    assert 'thread "APScheduler" was started while importing' in log


PYMONGO = """
    import pymongo, pymongo.errors
    from uwsgidecorators import postfork

    client = None

    def connect():
        global client
        client = pymongo.MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=300)

    {begin}

    def work(environ):
        try:
            client.admin.command("ping")
        except pymongo.errors.ServerSelectionTimeoutError as error:
            return {{"error": "refused" in str(error)}}
        return {{"error": None}}
"""


@pytest.mark.parametrize(
    ("begin", "allowed"),
    [
        ("postfork(connect)", []),
        # The second one is the library's own word for the same.
        ("connect()", [THREAD_AT_IMPORT, "MongoClient opened before fork"]),
    ],
    ids=["in postfork", "at import"],
)
def test_pymongo_without_a_server(tmp_path: Path, begin: str, allowed: list[str]) -> None:
    folder = write_fleet_app(tmp_path, PYMONGO.format(begin=begin))

    def check(server: Server, answers: Answers) -> None:
        assert all(answer["error"] for answer in answers.values())

    live(folder, check, allowed=allowed)


# ---- what has libraries of its own


def test_numpy(tmp_path: Path) -> None:
    """Its BLAS starts threads at the import and mends itself after a fork."""
    folder = write_fleet_app(
        tmp_path,
        """
        import numpy

        square = numpy.arange(90_000, dtype=float).reshape(300, 300) / 90_000
        at_import = float((square @ square).sum())

        def work(environ):
            return {"same": abs(float((square @ square).sum()) - at_import) < 1e-6}
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        assert all(answer["same"] for answer in answers.values())

    live(folder, check)


def test_libssl_of_wheels_beside_ours(tmp_path: Path) -> None:
    """psycopg2-binary and cryptography bring an OpenSSL each, Python has a third one."""
    folder = write_fleet_app(
        tmp_path,
        """
        import hashlib, ssl
        import psycopg2
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = Fernet.generate_key()
        signing = ec.generate_private_key(ec.SECP256R1())
        context = ssl.create_default_context()

        def work(environ):
            told = ""
            try:
                psycopg2.connect("host=127.0.0.1 port=1 sslmode=require connect_timeout=2")
            except psycopg2.OperationalError as error:
                told = str(error)
            token = Fernet(key).encrypt(b"whiskers")
            signature = signing.sign(token, ec.ECDSA(hashes.SHA256()))
            signing.public_key().verify(signature, token, ec.ECDSA(hashes.SHA256()))
            libraries = {
                line.rsplit("/", 1)[1].strip()
                for line in open("/proc/self/maps") if "libssl" in line or "libcrypto" in line
            }
            return {
                "refused": "refused" in told, "back": Fernet(key).decrypt(token).decode(),
                "digest": hashlib.sha256(b"cat").hexdigest()[:8], "libraries": len(libraries),
                "random": ssl.RAND_bytes(16).hex(), "tls": context.minimum_version.name,
            }
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        for answer in answers.values():
            assert answer["refused"] and answer["back"] == "whiskers"
            assert answer["digest"] == "77af778b" and answer["tls"].startswith("TLS")
            assert answer["libraries"] >= 3, "this would prove nothing"
        assert len({answer["random"] for answer in answers.values()}) == len(answers)

    live(folder, check)
