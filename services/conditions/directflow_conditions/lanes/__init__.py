"""Natural batching: what arrives for a lane while its statement is in flight queues, and goes out together next."""
