"""Cases: import, development data, and what a turn may ask and claim of a case."""
