"""Forward-only: a file that was released is never changed; what is wrong with it is mended by a later one."""
