# ruff: noqa: F811  (a fixture that is imported, and then named as a parameter)
"""Every command of `docs/registry.md` is run, in order, against servers on loopback, and prints what the page shows.

How a page is read: `tests/pages.py`. Addresses are replaced by one table, `Shell.real`, and nothing else is.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import md5
from pathlib import Path

import kaggle_server
import numpy as np
import pytest
import tfhub_server
import typer
from hub_server import HubServer, hub  # noqa: F401
from kaggle_server import Model, Variation
from pages import BLOCK, folded, pattern, steps
from test_tfhub import packed

from registry.ref import Ref
from registry.sources.table import schemes
from zoo.app import run as run_zoo
from zoo.commands import catalogue, hubs, upkeep

TEXT = (Path(__file__).parents[1] / "docs" / "registry.md").read_text(encoding="utf-8")
PROGRAMS = {"openssl", "rm"}  # what may be run beside zoo, and the shell's export and unset
TREE = {
    "saved_model.pb": np.random.default_rng(1).bytes(40_000),
    "variables/variables.data-00000-of-00001": np.random.default_rng(2).bytes(60_000),
    "variables/variables.index": b"index",
}
README = b"""---
license: apache-2.0
pipeline_tag: tabular-classification
tags: [sensors, maintenance]
---
# Sensors

Tells four states of a pump from eight sensors.
"""


STEPS = tuple(steps(TEXT))


class Shell:
    """Runs the page's commands in the folder that the page calls `/home/ada`.

    Attributes:
        real: the page's addresses, and what they are here.
    """

    def __init__(
        self, home: Path, real: dict[str, str], patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.real, self._patch, self._capsys = {**real, "/home/ada": str(home)}, patch, capsys
        patch.chdir(home)
        patch.setenv("HOME", str(home))

    def write(self, title: str, content: str) -> None:
        """Write a file; a `pyproject.toml` installs the package beside it, as far as Python can tell."""
        path = Path(title).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if path.name == "pyproject.toml":
            project = tomllib.loads(content)["project"]
            about = path.parent / f"{project['name']}-{project['version']}.dist-info"
            about.mkdir()
            (about / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
            groups = [
                (f"[{group}]", *map(" = ".join, points.items())) for group, points in project["entry-points"].items()
            ]
            (about / "entry_points.txt").write_text("\n".join(line for lines in groups for line in lines))
            self._patch.syspath_prepend(path.parent)

    def run(self, command: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it printed to stdout and stderr, with the page's addresses."""
        for page, here in self.real.items():
            command = command.replace(page, here)
        code, *printed = self._run([expanded(word) for word in shlex.split(command)])
        for page, here in self.real.items():
            printed = [text.replace(here, page) for text in printed]
        return code, printed[0], printed[1]

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        own = next(at for at, word in enumerate(words) if "=" not in word)
        variables, (program, *arguments) = dict(word.split("=", 1) for word in words[:own]), words[own:]
        if program == "export":
            self._patch.setenv(*arguments[0].split("=", 1))
        elif program == "unset":
            self._patch.delenv(arguments[0])
        elif program == "zoo" and not variables:
            self._capsys.readouterr()
            return run_zoo(arguments), *self._capsys.readouterr()
        else:
            assert program in {"zoo", *PROGRAMS}, f"the test runs no program {program!r}"
            whole = [sys.executable, "-m", "zoo"] if program == "zoo" else [program]
            done = subprocess.run(
                [*whole, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, timeout=60
            )
            return done.returncode, done.stdout, done.stderr
        return 0, "", ""


def expanded(word: str) -> str:
    """Expand `~` at the beginning of a word or of what a variable is set to."""
    return re.sub(r"(^|=)~(?=/)", lambda start: start[1] + str(Path.home()), word)


@pytest.fixture
def shell(
    hub: HubServer, docker_registry: str, s3: str, postgres: str, chain_file: Path, data_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:  # fmt: skip
    """The page's world: three hubs, a module server, a registry, a bucket, a database, and a folder with two files."""
    home = tmp_path / "ada"
    (home / "pump").mkdir(parents=True)
    data_file.rename(home / "pump.npz")
    keras = chain_file.read_bytes()
    (home / "pump" / "pump.keras").write_bytes(keras)
    fill_hub(hub, keras)
    with ExitStack() as stack:
        other = stack.enter_context(HubServer())
        other.add("lab/pumps", {"model.keras": keras, "README.md": README})
        kaggle = stack.enter_context(kaggle_server.serve())
        fill_kaggle(kaggle)
        modules = stack.enter_context(tfhub_server.serve())
        modules.archives["/google/nnlm-en-dim50/2"] = packed(TREE)
        zenodo = stack.enter_context(tfhub_server.serve())  # which serves pages, too
        fill_zenodo(zenodo)
        for name in (*kaggle_server.OFF, "TFHUB_MODEL_LOAD_FORMAT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in kaggle_server.environment(kaggle, home).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("no_proxy", "127.0.0.1")  # all but Kaggle's API, which is asked for by `localhost`
        monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "modules"))
        real = {
            "https://huggingface.co": hub.url, "https://hub.example.org": other.url, "https://tfhub.dev": modules.url,
            "https://sandbox.zenodo.org": zenodo.url, "localhost:5000": docker_registry, "s3://models": s3,
            "postgresql://zoo@db.example.org/zoo": postgres, "hf_xxxxxxxx": hub.token,
        }  # fmt: skip
        yield Shell(home, real, monkeypatch, capsys)


def fill_hub(hub: HubServer, keras: bytes) -> None:
    """Put a model there whose second commit brings what is left out, one of pickles alone, and a gated one."""
    files = {"model.keras": keras, "README.md": README, "LICENSE": b"Apache License\n"}
    tags = ["sensors", "license:apache-2.0"]
    hub.add("acme/sensors", files, pipeline_tag="tabular-classification", tags=tags, downloads=1200)
    hub.tag("acme/sensors", "v1")
    hub.add("acme/sensors", {"pytorch_model.bin": b"pickle" * 300, "train.py": b"print()\n"})
    hub.add("acme/sensors-torch", {"pytorch_model.bin": b"pickle" * 300, "config.json": b"{}"}, downloads=40)
    hub.add("acme/sensors-pro", {"model.keras": keras}, gated=True, downloads=7)


def fill_kaggle(kaggle: kaggle_server.Hub) -> None:
    """Put two variations of a model there."""
    vector = Variation("MODEL_FRAMEWORK_TENSOR_FLOW_2", "035-96-feature-vector", {1: TREE, 2: TREE})
    lite = Variation("MODEL_FRAMEWORK_TF_LITE", "035-96", {1: {"1.tflite": TREE["saved_model.pb"]}})
    tags = ["task > computer vision > image classification"]
    kaggle.drop_after = 50_000  # the first download of a larger file breaks
    kaggle.models = [Model("google/mobilenet-v2", [vector, lite], "small nets", tags)]


def fill_zenodo(zenodo: tfhub_server.Hub) -> None:
    """Put a record there, as https://developers.zenodo.org describes them."""
    content = TREE["saved_model.pb"]
    file = {"key": "pump.onnx", "size": len(content), "checksum": f"md5:{md5(content).hexdigest()}"}
    record = {"metadata": {"title": "Pumps", "license": {"id": "cc-by-4.0"}}, "files": [file]}
    zenodo.pages["/api/records/1234567"] = (200, {}, json.dumps(record).encode())
    zenodo.pages["/api/records/1234567/files/pump.onnx/content"] = (200, {}, content)


def test_only_commands_are_marked_as_such() -> None:
    marked = TEXT.count("\n$ ")
    assert marked == sum(not step.title for step in STEPS) > 50
    assert TEXT.count("\n```") == 2 * len(BLOCK.findall(TEXT)), "a block has no language"
    assert {block["language"] for block in BLOCK.finditer(TEXT)} == {"console", "python", "text", "toml"}


def test_every_command_of_the_catalogue_is_run() -> None:
    app = typer.Typer()
    for group in (catalogue, hubs, upkeep):
        group.mount(app)
    run = {shlex.split(step.command)[1] for step in STEPS if step.command.startswith("zoo ")}
    assert {command.name for command in app.registered_commands} - run == set()


def test_the_examples_of_names_cover_every_source() -> None:
    table = TEXT.split("| example | what it names |")[1].split("\n\n")[0]
    refs = [Ref.parse(text) for text in re.findall(r"^\| `([^`]+)`", table, re.M)]
    assert {ref.source for ref in refs} == {"", *schemes()} - {"http"}
    assert [Ref.parse(str(ref)) for ref in refs] == refs


def test_the_walk(shell: Shell) -> None:
    for step in STEPS:
        if step.title:
            shell.write(step.title, "\n".join(step.shown) + "\n")
            continue
        code, out, err = shell.run(step.command)
        where = f"docs/registry.md:{step.line}: {step.command}\n{out}{err}"
        refused = step.shown[:1] != () and step.shown[0].startswith("error:")
        assert code == int(refused), where
        assert not step.shown or re.fullmatch(pattern(step.shown), folded(err if refused else out)), where
