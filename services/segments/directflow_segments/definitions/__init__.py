"""Data sources as resources: checked on the customer's own server, saved at the gateway, followed by every replica."""
