"""What people type and what the network carries: pure functions, no I/O, no clock."""
