"""`directflow condition evaluate-many`: one condition for any number of profiles, in flat memory."""
