"""`directflow test`: definitions on rows of their author's, in a throw-away PostgreSQL, with the real services."""
