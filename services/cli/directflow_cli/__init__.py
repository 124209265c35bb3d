"""The directflow command: a gRPC client like any other."""
