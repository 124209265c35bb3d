"""query_gateway: the only holder of credentials and of PostgreSQL connections."""
