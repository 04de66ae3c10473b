"""What every run needs, whatever it measures: folder, devices, rows, stored results. No flags."""
