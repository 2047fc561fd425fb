"""The commands, one file a group. A command parses, calls `zoo.api`, and prints."""
