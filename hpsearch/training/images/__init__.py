"""Training image classifiers: the recipe, its laws, and the loop."""
