"""An image in buildah's store, and containers of it that runc starts as under restricted Pod Security."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

USER = 10001
COMMAND_S = 60
STOP_S = 20
STORE = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
NAMESPACES = ("pid", "mount", "ipc", "uts")
"""Not the network: the tests ask services at 127.0.0.1."""


def buildah(*arguments: str, timeout: float = COMMAND_S) -> str:
    """What a buildah command says. Raises CalledProcessError."""
    done = subprocess.run(
        ["buildah", *arguments],
        env={**STORE, **os.environ},
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout,
        check=True,
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Image:
    """One image."""

    name: str
    root: Path
    """Its file system. Nobody writes to it."""

    @cached_property
    def described(self) -> dict[str, Any]:
        """As the OCI image format has it: config, history, layers; and its id."""
        found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", self.name))
        return {**found["OCIv1"], "id": found["FromImageID"]}

    @property
    def config(self) -> dict[str, Any]:
        """User, Env, Cmd, Labels, ..."""
        found: dict[str, Any] = self.described["config"]
        return found

    @property
    def python(self) -> Path:
        """Where the packages are."""
        (found,) = (self.root / "opt/directflow/lib").glob("python3*/site-packages")
        return found

    def files(self) -> Iterator[Path]:
        """Every regular file."""
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names):
                if path.is_file() and not path.is_symlink():
                    yield path


@contextmanager
def mounted(name: str) -> Iterator[Image]:
    """The image with its file system at hand while the block lasts."""
    container = buildah("from", "--pull-never", name)
    try:
        yield Image(name, Path(buildah("mount", container)))
    finally:
        buildah("rm", container)


@dataclass
class Container:
    """One that is to run `arguments`: no capability, no new privilege, and nothing to write but /tmp."""

    image: Image
    folder: Path
    """Of the test, for what runc needs."""
    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    """Read-only, by where they are seen."""

    def __post_init__(self) -> None:
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir(parents=True)
        self.tmp.chmod(0o1777)
        self.log = self.folder / "log"
        self._name = f"directflow-{uuid4().hex[:12]}"
        (self.folder / "config.json").write_text(json.dumps(self._specification()))

    @property
    def _command(self) -> list[str]:
        return ["runc", "--root", str(self.folder / "runc"), "run", "--bundle", str(self.folder), self._name]

    def run(self) -> "subprocess.CompletedProcess[str]":
        """To its end."""
        return subprocess.run(self._command, capture_output=True, text=True, timeout=COMMAND_S, check=False)

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """While the block lasts, unless it ends by itself; stopped by the signal that the image names."""
        with self.log.open("wb") as log, subprocess.Popen(self._command, stdout=log, stderr=log) as process:
            try:
                yield process
            finally:
                self.stop(process)

    def stop(self, process: "subprocess.Popen[bytes]") -> int:
        """Its exit code, once it has drained. Raises TimeoutExpired where it does not, and kills it."""
        if process.poll() is None:
            self._signal(self.image.config["StopSignal"])
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._signal("KILL")
            raise

    def _signal(self, signal: str) -> None:
        root = str(self.folder / "runc")
        subprocess.run(["runc", "--root", root, "kill", self._name, signal], timeout=COMMAND_S, check=False)

    def _specification(self) -> dict[str, Any]:
        given = [f"{name}={value}" for name, value in self.environment.items()]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "args": self.arguments,
                "cwd": self.image.config["WorkingDir"],
                "env": [*self.image.config["Env"], *given],
                "user": dict(zip(("uid", "gid"), map(int, self.image.config["User"].split(":")), strict=True)),
                "noNewPrivileges": True,
                "capabilities": {},
            },
            "root": {"path": str(self.image.root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                _bind("/tmp", self.tmp, "rw"),
                *(_bind(seen, path, "ro") for seen, path in self.mounts.items()),
            ],
            "linux": {"namespaces": [{"type": one} for one in NAMESPACES]},
        }


def _bind(seen: str, path: Path, mode: str) -> dict[str, Any]:
    return {"destination": seen, "type": "bind", "source": str(path), "options": ["bind", mode]}
