"""What the kernel tells of processes: /proc, socket tables, system calls. Only reads."""
