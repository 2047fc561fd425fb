"""The layers above the highest reused one."""
