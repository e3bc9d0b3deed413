"""The conversation engine: pure. No I/O, no clock, no randomness of its own."""
