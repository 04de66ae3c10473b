"""The protocol of Su et al. 2019: pairs under attack, defences, cleaners. No flags."""
