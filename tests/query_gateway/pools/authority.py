"""A certificate authority made with openssl, for servers that prove who they are."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs for one host name."""

    directory: Path

    def create(self) -> "Authority":
        self.directory.mkdir()
        self._openssl("req", "-x509", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", *KEY)
        return self

    def sign(self, name: str, *, days: str = "2") -> tuple[Path, Path]:
        """Key and certificate of a server."""
        self._openssl("req", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={name}", *KEY)
        (self.directory / "extensions").write_text(f"subjectAltName=DNS:{name}")
        self._openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "extensions", "-out", "server.pem", "-days", days,
        )  # fmt: skip
        return self.directory / "server.key", self.directory / "server.pem"

    @property
    def pem(self) -> str:
        return (self.directory / "ca.pem").read_text()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True, timeout=30)


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
