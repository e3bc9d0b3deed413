"""Data in and out: files with a kept mapping of columns, runs that can be undone, exports."""
