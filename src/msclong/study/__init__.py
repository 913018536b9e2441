"""Studies: many outcomes declared, fitted and reported together."""
