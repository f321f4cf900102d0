"""The Proxmox target: hosts as virtual machines of a Proxmox VE cluster. Tested against mocks only."""
