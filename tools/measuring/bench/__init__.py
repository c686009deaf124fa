"""`make bench`: figures that can be compared, each beside something measured in the same run."""
