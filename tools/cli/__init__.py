"""./rentals: operators' commands."""
