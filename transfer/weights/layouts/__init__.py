"""How arrays lie in other frameworks, and what turns them into what Keras wants."""
