"""The commands that ask the services: a gRPC client like any other."""
