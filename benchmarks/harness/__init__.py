"""What the scripts of this folder share: programs in their own processes, answers compared, times told."""
