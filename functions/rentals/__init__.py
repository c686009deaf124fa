"""The rental domain: what `api/`, `workflow/` and `upkeep/` share, knowing none of them."""
