"""`directflow query check`: a file of queries, a verdict for each."""
