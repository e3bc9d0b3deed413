"""Kannel itself, with its fake operator, in a network of its own; configured by docs/examples/kannel.conf."""
