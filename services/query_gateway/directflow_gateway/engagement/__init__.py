"""Events of engagement in DirectFlow's own database, and typed predicates over them."""
