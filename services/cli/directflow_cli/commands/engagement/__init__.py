"""`directflow engagement record|list`: what people did with messages."""
