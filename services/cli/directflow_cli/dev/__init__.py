"""`directflow dev`: the whole product on one machine, with a PostgreSQL of its own."""
