"""Recording of engagement: events are handed to the gateway, which keeps them."""
