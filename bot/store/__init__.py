"""Where things are kept: keys, ciphers, the conversation store, PostgreSQL."""
