"""Entry points: one file for each table, figure or command. The only room with flags."""
