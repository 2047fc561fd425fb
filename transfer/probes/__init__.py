"""What frozen features are worth, judged in closed form: no training. Pure: numpy only."""
