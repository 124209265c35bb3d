"""Throw-away authorities and certificates from openssl, valid for as long as a test says, to the second.

They lie as cert-manager and kubelet lay them: `tls.crt`, `tls.key` and `ca.crt` in one directory, each a link through
`..data`, a link that is swapped when they are renewed.
"""

import itertools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from directflow_runtime.settings import TlsSettings

from .tools import missing

HOUR_S = 3600.0
ISSUED_AGO_S = 60.0
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
CONFIGURATION = """
[ca]
default_ca = here
[here]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = anything
[anything]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


def require_openssl() -> None:
    """Skips the test where there is no openssl; where tools are required, that is an error."""
    if shutil.which("openssl") is None:
        missing("no openssl on this machine makes certificates for this test")


@dataclass(frozen=True)
class Issued:
    """One certificate with its key, PEM."""

    certificate: bytes
    key: bytes

    def files(self, folder: Path) -> tuple[Path, Path]:
        """Key and certificate in files, for servers that want them so."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.key").write_bytes(self.key)
        (folder / "server.pem").write_bytes(self.certificate)
        return folder / "server.key", folder / "server.pem"


class Authority:
    """Issues certificates. Two of the same name are two: their keys differ."""

    def __init__(self, folder: Path) -> None:
        require_openssl()
        self._folder = folder
        self._numbers = itertools.count()
        folder.mkdir(parents=True)
        (folder / "index.txt").touch()
        (folder / "openssl.cnf").write_text(CONFIGURATION)
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=authority", *usage, "-keyout", "ca.key", "-out", "ca.crt")  # fmt: skip # noqa: E501
        self.file = folder / "ca.crt"
        self.root = self.file.read_bytes()

    @property
    def pem(self) -> str:
        return self.root.decode()

    def issue(
        self,
        *names: str,
        common_name: str = "nobody",
        lasts_s: float = HOUR_S,
        begins_in_s: float = -ISSUED_AGO_S,
    ) -> Issued:
        """A certificate for server and client with subject alternative names as openssl writes them: "DNS:localhost",
        "URI:spiffe://..."; with negative `lasts_s` it has expired, with positive `begins_in_s` it is not valid yet."""
        stem = f"issued-{next(self._numbers)}"
        extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        extensions += [f"subjectAltName={','.join(names)}"] if names else []
        (self._folder / f"{stem}.ext").write_text("\n".join(extensions))
        subject = "/CN=" + common_name.replace("/", "\\/")
        self._openssl("req", "-new", *KEY, "-subj", subject, "-keyout", f"{stem}.key", "-out", f"{stem}.csr")  # fmt: skip # noqa: E501
        now = datetime.now(UTC)
        begins, ends = now + timedelta(seconds=begins_in_s), now + timedelta(seconds=lasts_s)
        self._sign(stem, begins, ends)
        return Issued((self._folder / f"{stem}.crt").read_bytes(), (self._folder / f"{stem}.key").read_bytes())

    def former_root(self) -> bytes:
        """This authority as it was before it was renewed: of the same name and the same key, and it has expired."""
        (self._folder / "former.ext").write_text("basicConstraints=critical,CA:TRUE")
        self._openssl("req", "-new", "-key", "ca.key", "-subj", "/CN=authority", "-out", "former.csr")
        ended = datetime.now(UTC) - timedelta(seconds=HOUR_S)
        self._sign("former", ended - timedelta(days=30), ended)
        return (self._folder / "former.crt").read_bytes()

    def encrypted(self, key: bytes) -> bytes:
        """The same key behind a password."""
        (self._folder / "plain.key").write_bytes(key)
        self._openssl("pkcs8", "-topk8", "-in", "plain.key", "-out", "hidden.key", "-passout", "pass:secret")
        return (self._folder / "hidden.key").read_bytes()

    def mount(self, folder: Path, *names: str, **more: Any) -> "Mount":
        """A certificate as a pod finds it, with this authority as the one that is trusted."""
        mounted = Mount(folder)
        mounted.put(self.issue(*names, **more), [self.root])
        return mounted

    def _sign(self, stem: str, begins: datetime, ends: datetime) -> None:
        self._openssl(
            "ca", "-batch", "-notext", "-in", f"{stem}.csr", "-out", f"{stem}.crt", "-extfile", f"{stem}.ext",
            "-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}",
        )  # fmt: skip

    def _openssl(self, command: str, *arguments: str) -> None:
        configuration = ["-config", "openssl.cnf"] if command in ("req", "ca") else []
        subprocess.run(
            ["openssl", command, *configuration, *arguments],
            cwd=self._folder, check=True, capture_output=True, timeout=30,
        )  # fmt: skip


class Mount:
    """A directory as kubelet mounts a Secret: what is in it changes all at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        folder.mkdir(parents=True)

    @property
    def settings(self) -> TlsSettings:
        return TlsSettings.model_validate({"directory": self.folder})

    def put(self, issued: Issued, roots: Sequence[bytes]) -> None:
        """Renews all three files as kubelet does."""
        self.put_files({"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": b"".join(roots)})

    def put_files(self, files: dict[str, bytes]) -> None:
        generation = self.folder / f"..generation-{next(self._numbers)}"
        generation.mkdir()
        for name, content in files.items():
            (generation / name).write_bytes(content)
        data, draft = self.folder / "..data", self.folder / "..data_tmp"
        before = data.resolve() if data.exists() else None
        draft.symlink_to(generation.name)
        draft.replace(data)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        if before is not None:
            shutil.rmtree(before)
