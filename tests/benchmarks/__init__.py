"""Speed, as ratios to bare peers on the same stores in the same run: `make bench`."""
