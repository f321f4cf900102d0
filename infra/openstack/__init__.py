"""The OpenStack target: hosts as servers of a cloud's project. Tested against mocks only."""
