"""Many due at one moment: the real handlers under AWS's quotas and a virtual clock."""
