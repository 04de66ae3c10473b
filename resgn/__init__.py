"""ResGN (Su et al. 2019): clean adversarial perturbations so that face verification works again."""
