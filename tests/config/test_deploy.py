"""The files for operators agree with the product: names of settings, commands, roles and limits. Nothing here needs
Docker, nginx or systemd."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.process_set import read_process_file
from tests.serving import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PRODUCT = ("migrate", "web", "sockets", "worker", "beat")
# Read by the shell of compose, or by the images of others.
OF_COMPOSE = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "FLIGHTDECK_RELEASE",
    "HTTP_PORT",
    "HTTPS_PORT",
    "TLS_FOLDER",
}
HARDENED = (
    "NoNewPrivileges",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "CapabilityBoundingSet",
    "SystemCallFilter",
)


def documented() -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text()))


def commands() -> list[tuple[str, list[str]]]:
    """Every command that starts a process of the product, with the file that names it."""
    return list(_commands())


def _commands() -> Iterator[tuple[str, list[str]]]:
    for name, command in read_process_file(ROOT / "Procfile").items():
        yield f"Procfile {name}", shlex.split(re.sub(r"\$\{\w+:-(\w*[\d.]*)\}", r"\1", command))
    for name in PRODUCT:
        yield f"compose.yaml {name}", SERVICES[name]["command"]
    for unit in UNITS:
        yield unit.name, shlex.split(read_unit(unit)["Service"]["ExecStart"])


def read_unit(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    return unit


@pytest.mark.parametrize(
    ("where", "command"), commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_command_starts_a_program_and_an_application_that_exist(where: str, command: list[str]) -> None:
    program = Path(command[0]).name
    assert (Path(sys.executable).parent / program).exists()
    for word in command[1:]:
        if re.fullmatch(r"config\.\w+:\w+", word):
            module, _, name = word.partition(":")
            assert callable(getattr(importlib.import_module(module), name))
        if word.startswith("deploy/") or word == "manage.py":
            assert (ROOT / word).exists()


def test_workers_are_started_the_same_way_everywhere() -> None:
    def options(command: list[str]) -> set[str]:
        return {word for word in command if word.startswith("--without")} | {
            command[command.index("--pool") + 1]
        }

    found = [options(command) for _, command in commands() if "worker" in command]
    assert len(found) == 3
    assert all(each == found[0] for each in found)


def test_threads_of_a_worker_and_its_connections_agree() -> None:
    """The pool is made for FLIGHTDECK_WORKER_THREADS; Celery is told its number apart."""
    worker = SERVICES["worker"]
    threads = worker["command"][worker["command"].index("--concurrency") + 1]
    assert worker["environment"]["FLIGHTDECK_WORKER_THREADS"] == threads
    unit = next(unit for unit in UNITS if "worker" in unit.name).read_text()
    [concurrency] = re.findall(r"--concurrency (\d+)", unit)
    assert f"FLIGHTDECK_WORKER_THREADS={concurrency}\n" in unit


def test_compose_sets_only_what_is_documented() -> None:
    for name in PRODUCT:
        assert set(SERVICES[name]["environment"]) - documented() == set(), name
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert asked - documented() - OF_COMPOSE == set()


def test_compose_has_each_role_and_knows_what_it_waits_for() -> None:
    assert set(SERVICES) == {"postgres", "redis", "proxy", *PRODUCT}
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if how["condition"] == "service_healthy":
                checked = "test" in SERVICES[other].get("healthcheck", {}) or other == "web"
                assert checked, f"{name} waits for the health of {other}, which has no check"
    assert SERVICES["beat"].get("deploy", {}).get("replicas", 1) == 1
    assert SERVICES["migrate"]["restart"] == "no"


def test_containers_of_the_product_may_do_little() -> None:
    for name in PRODUCT:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "ports" not in service  # only the proxy is reached from outside
    assert "USER flightdeck" in (ROOT / "Dockerfile").read_text()


def test_nobody_is_killed_before_its_own_limit() -> None:
    def seconds(text: str) -> int:
        return int(text.removesuffix("s"))

    limit = int(SERVICES["worker"]["environment"]["FLIGHTDECK_STOP_SECONDS"])
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > limit
    worker = next(unit for unit in UNITS if "worker" in unit.name)
    assert seconds(read_unit(worker)["Service"]["TimeoutStopSec"]) > limit


def test_images_are_named_without_a_registry() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in images:
        assert "." not in image.split("/")[0].split(":")[0], image


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_hardened_and_end_with_the_target(path: Path) -> None:
    unit = read_unit(path)
    assert set(HARDENED) <= set(unit["Service"])
    assert unit["Service"]["User"] == "flightdeck"
    assert unit["Unit"]["PartOf"] == "flightdeck.target"
    target = (ROOT / "deploy" / "systemd" / "flightdeck.target").read_text()
    assert path.name.replace("@.", "@1.") in target


def test_the_proxy_sends_sockets_to_the_socket_processes() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    assert text.count("{") == text.count("}")
    locations = dict(re.findall(r"location (\S+) \{[^}]*?proxy_pass http://(\w+);", text))
    assert locations == {"/ws/": "flightdeck_sockets", "/": "flightdeck_web"}
    servers = dict(re.findall(r"upstream (\w+) \{[^}]*?server (\w+:\d+);", text))
    assert servers == {"flightdeck_web": "web:8000", "flightdeck_sockets": "sockets:8001"}
    assert {server.split(":")[0] for server in servers.values()} <= set(SERVICES)


def test_the_proxy_logs_no_address_of_a_shared_link() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    assert re.search(r"map \$uri \$is_logged \{\s+~\^/shared/ 0;", text)
    logs = re.findall(r"access_log [^;]+;", text)
    assert len(logs) == text.count("server {")
    assert all(log.endswith("if=$is_logged;") for log in logs)


def test_the_health_check_answers_for_a_host_name_of_ours(live_server: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["flightdeck.example"]
    command = [sys.executable, "deploy/healthcheck.py", f"{live_server.url}/health/live"]
    ours = os.environ | {"FLIGHTDECK_HOSTS": "flightdeck.example,other.example"}
    assert subprocess.run(command, cwd=ROOT, env=ours).returncode == 0
    foreign = os.environ | {"FLIGHTDECK_HOSTS": "foreign.example"}
    assert subprocess.run(command, cwd=ROOT, env=foreign, capture_output=True).returncode == 1
