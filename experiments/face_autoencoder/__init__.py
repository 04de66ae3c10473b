"""The protocol of Teng 2021: people, victim, attacked pairs, detection. No flags."""
