"""Why somebody is in an audience or not, and whom a changed generator would add and remove."""
