"""The pure core: what is decided, without I/O, clock or logging."""
