"""The state of a city: its folder, its archive, its history."""
