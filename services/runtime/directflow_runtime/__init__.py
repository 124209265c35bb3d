"""What each of the three servers stands on; knows no service."""
