"""What reads the repository's own files, and nothing else."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
