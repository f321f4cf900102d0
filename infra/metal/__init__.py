"""The target ``metal``: machines that stand in racks already are looked at, compared with the plan, and adopted.

Nothing here changes a machine: no format, no partition, no deletion. What is not as planned is refused with its fix.
"""
