"""A stand-in for a Vault server: a real HTTP server on loopback with the paths and answers that DirectFlow relies on.

It is set up through Vault's own API, and makes and drops real PostgreSQL roles. Everything lives in memory: it is for
`directflow dev` and for tests, which run the same contract on it and on HashiCorp's server. It says nothing about how
Vault stores or seals: "sealed" here means that nobody is answered.
"""

from directflow_cli.dev.vault.server import StandInVault

__all__ = ["StandInVault"]
