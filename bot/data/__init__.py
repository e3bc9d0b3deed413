"""Files in and out: how they are written, what their columns mean, runs with undo, exports."""
