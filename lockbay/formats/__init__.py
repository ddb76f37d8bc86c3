"""How the admin writes numbers and times."""
