"""`make scaling`: what each quota and each key takes, and which of them is full first."""
