"""PayMongo: its API, what it answers and sends, its signatures. Knows nothing of rentals."""

CURRENCY = "PHP"
