"""How many layers to reuse: every cut of a model, what each is worth, and the best few trained."""
