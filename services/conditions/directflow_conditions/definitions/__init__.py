"""Conditions as resources: read from the wire, checked, saved in the gateway's store, and followed from there."""
