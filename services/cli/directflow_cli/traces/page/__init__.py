"""A trace as one HTML file that needs nothing else: no network, no server, and no trust in what spans say."""
