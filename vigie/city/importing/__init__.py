"""The city that already exists: lists of cameras, whatever their columns are called, become rows of a city."""
