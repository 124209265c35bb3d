"""What is tried of a connection, a module for each kind of step."""
